"""What a deliverer does with leases: none sent that has lapsed, none sent twice, none kept at a stop."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.queue import BornDelivery, BornEvent, BornLeased, Hint, Look
from app.store.hot.contract import Work
from app.store.hot.sqlite import SqliteHotStore
from app.store.hot.writer import Writer
from app.store.models import Delivery
from delivery import settling
from delivery.deliver import MOST_CLAIMED, MOST_CLAIMED_PER_LANE
from tests.delivery.engines import Gate, bare_deliverer, running_engine, settled
from tests.eventually import eventually
from tests.outbound.sites import Site, new_site
from tests.postgres_server import Postgres
from tests.receivers import receiver
from tests.services import migrate
from tests.store.rows import add_many_deliveries


class Clock:
    """The time as the parts of a process see it, which a test can advance."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now().astimezone() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@pytest.fixture
async def clock(site: Site) -> Clock:
    clock = Clock()
    site.wiring = replace(site.wiring, clock=clock)
    site.publisher = site.make_publisher()
    return clock


@pytest.fixture
def hints(site: Site) -> list[Hint]:
    given: list[Hint] = []
    site.queue.connect(given.append)
    return given


async def all_recorded(site: Site, number: int) -> None:
    async def recorded() -> bool:
        return len(await site.attempts()) >= number

    await eventually(recorded, what=f"{number} attempts are recorded")


async def test_a_hint_is_sent_without_looking_into_the_database(site: Site, hints: list[Hint]) -> None:
    async with receiver() as there, bare_deliverer(site) as deliverer:
        await site.register(there.url)
        await site.publish()
        [born] = [hint for hint in hints if isinstance(hint, BornLeased)]
        deliverer.take(born)
        await settled(site, 1)
        assert len(there.requests) == 1


async def test_a_hint_that_comes_after_its_lease_is_void_and_claimed_instead(
    site: Site, clock: Clock, hints: list[Hint]
) -> None:
    async with receiver() as there, bare_deliverer(site) as deliverer:
        await site.register(there.url)
        await site.publish()
        [born] = [hint for hint in hints if isinstance(hint, BornLeased)]
        [before] = await site.deliveries()
        clock.advance(6)
        deliverer.take(born)
        await settled(site, 1)
        [attempt] = await site.attempts()
        assert before.leased_until is not None
        assert attempt.started_at > before.leased_until
        assert len(there.requests) == 1


async def test_a_hint_whose_lease_another_process_has_taken_changes_nothing(
    site: Site, clock: Clock, hints: list[Hint]
) -> None:
    """Clocks differ a little, so a late hint may still be sent; but only the other's result counts."""
    gate = Gate()
    async with receiver(gate) as there, bare_deliverer(site) as slow, bare_deliverer(site) as quick:
        endpoint_id = await site.register(there.url)
        await site.publish()
        [born] = [hint for hint in hints if isinstance(hint, BornLeased)]
        slow.take(born)
        await gate.holds(1)
        clock.advance(6)
        quick.take(Look([endpoint_id]))
        await gate.holds(2)
        gate.open()
        await all_recorded(site, 1)
        await slow.stop()
        await quick.stop()
        [delivery] = await site.deliveries()
        assert (delivery.status, delivery.attempt_count) == ("succeeded", 1)
        assert len(await site.attempts()) == 1


async def test_what_waited_in_a_lane_longer_than_its_lease_is_not_sent(site: Site, clock: Clock) -> None:
    gate = Gate()
    async with receiver(gate) as there, bare_deliverer(site) as deliverer:
        site.queue.connect(deliverer.take)
        endpoint_id = await site.register(there.url, concurrency=1)
        for _ in range(5):
            await site.publish()
        await gate.holds(1)
        # Nobody renews here, and another process takes what has lapsed.
        clock.advance(6)
        now = clock()
        taken = await site.database.hot.claim(
            [(endpoint_id, 9)], token=7, now=now, leased_until=now + timedelta(seconds=60)
        )
        gate.open()
        await eventually(lambda: len(deliverer.leases) == 0, what="this process has let go of everything")
        assert (len(taken), len(there.requests)) == (5, 1)
        assert await site.attempts() == []


async def test_a_delivery_claimed_anew_by_the_process_that_has_it_in_flight_is_not_sent_twice(
    site: Site, clock: Clock
) -> None:
    gate = Gate()
    async with receiver(gate) as there, bare_deliverer(site) as deliverer:
        site.queue.connect(deliverer.take)
        endpoint_id = await site.register(there.url)
        await site.publish()
        await gate.holds(1)
        [before] = await site.deliveries()
        clock.advance(6)
        deliverer.take(Look([endpoint_id]))

        async def claimed_anew() -> bool:
            return (await site.deliveries())[0].lease_token != before.lease_token

        await eventually(claimed_anew, what="the delivery is claimed anew")
        gate.open()
        await settled(site, 1)
        assert len(there.requests) == len(await site.attempts()) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_endpoint_that_is_slower_than_a_lease_gets_one_request(database_url: str) -> None:
    """The lease is renewed each second as long as the attempt lasts."""
    gate = Gate()
    async with (
        new_site(database_url, lease_seconds=2, sweep_seconds=0.1) as site,
        receiver(gate) as there,
        running_engine(site),
    ):
        await site.register(there.url)
        await site.publish()
        await gate.holds(1)
        [born] = await site.deliveries()

        async def renewed_beyond_its_first_lease() -> bool:
            [row] = await site.deliveries()
            assert born.leased_until is not None
            assert row.leased_until is not None
            return born.leased_until < site.wiring.clock() < row.leased_until

        await eventually(renewed_beyond_its_first_lease, what="the lease was renewed")
        gate.open()
        await settled(site, 1)
        assert len(there.requests) == 1


async def test_a_stop_gives_back_what_waits_and_settles_what_is_in_flight(site: Site) -> None:
    gate = Gate()
    async with receiver(gate) as there, bare_deliverer(site) as deliverer:
        site.queue.connect(deliverer.take)
        await site.register(there.url, concurrency=2)
        for _ in range(10):
            await site.publish()
        await gate.holds(2)
        stop = asyncio.ensure_future(deliverer.stop())

        async def the_rest_is_free() -> bool:
            return [row.lease_token is None for row in await site.deliveries()].count(True) == 8

        await eventually(the_rest_is_free, what="what waits is given back")
        assert not stop.done()
        gate.open()
        await stop
        assert await site.statuses() == {"succeeded": 2, "pending": 8}
        assert {row.lease_token for row in await site.deliveries()} == {None}
        assert len(there.requests) == 2


async def test_a_stopped_deliverer_takes_nothing_more(site: Site, hints: list[Hint]) -> None:
    async with receiver() as there, bare_deliverer(site) as deliverer:
        endpoint_id = await site.register(there.url)
        await site.publish()
        await deliverer.stop()
        for hint in [*hints, Look([endpoint_id])]:
            deliverer.take(hint)
        assert not deliverer.has_room
        assert (await site.statuses(), there.requests) == ({"pending": 1}, [])


async def test_what_a_stop_gave_back_another_process_sends_at_once(site: Site) -> None:
    gate = Gate()
    async with receiver(gate) as there, bare_deliverer(site) as second:
        async with bare_deliverer(site) as first:
            site.queue.connect(first.take)
            endpoint_id = await site.register(there.url, concurrency=1)
            for _ in range(6):
                await site.publish()
            await gate.holds(1)
            gate.open()
            await first.stop()
        site.queue.connect(second.take)
        second.look([endpoint_id])
        await settled(site, 6)
        assert len({request.headers["x-aetherflow-delivery"] for request in there.requests}) == 6
        assert len(there.requests) == 6


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_lanes_are_fed_in_the_order_in_which_they_ran_low(site: Site) -> None:
    """More endpoints than one claim has room for: the first ones are not served again before the last."""
    gate = Gate()
    number = MOST_CLAIMED // MOST_CLAIMED_PER_LANE * 2
    async with receiver(gate) as there, bare_deliverer(site) as deliverer:
        endpoint_ids = [await site.register(there.url) for _ in range(number)]
        for endpoint_id in endpoint_ids:
            await add_many_deliveries(site.database, site.workspace_id, endpoint_id, MOST_CLAIMED_PER_LANE)
        deliverer.look(endpoint_ids)

        async def all_claimed() -> bool:
            return None not in [row.claimed_at for row in await site.deliveries()]

        await eventually(all_claimed, what="everything is claimed")
        first_claims: dict[str, datetime] = {}
        for row in await site.deliveries():
            assert row.claimed_at is not None
            first_claims[row.endpoint_id] = min(
                first_claims.get(row.endpoint_id, row.claimed_at), row.claimed_at
            )
        assert (
            sorted(endpoint_ids, key=lambda id_: (first_claims[id_], endpoint_ids.index(id_))) == endpoint_ids
        )
        gate.open()
        await settled(site, number * MOST_CLAIMED_PER_LANE)


class LateStore(SqliteHotStore):
    """A database whose answer to a claim is on its way for as long as the test wants."""

    held_back: asyncio.Event
    answered: asyncio.Event

    async def claim(
        self, rooms: Sequence[tuple[str, int]], *, token: int, now: datetime, leased_until: datetime
    ) -> list[Work]:
        works = await super().claim(rooms, token=token, now=now, leased_until=leased_until)
        self.held_back.set()
        await self.answered.wait()
        return works


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_hint_that_comes_while_a_claim_is_answered_is_not_forgotten(site: Site) -> None:
    assert site.database.address.path is not None
    late = LateStore(Writer(site.database.address.path, site.database._turn))
    late.held_back, late.answered = asyncio.Event(), asyncio.Event()
    await late.open()
    own, site.database.hot = site.database.hot, late
    async with receiver(), bare_deliverer(site) as deliverer:
        site.database.hot = own
        endpoint_id = await site.register("http://127.0.0.1:9/hooks", max_retries=0)
        deliverer.look([endpoint_id])
        await late.held_back.wait()
        # The claim has found nothing, and does not know it yet.
        await add_many_deliveries(site.database, site.workspace_id, endpoint_id, 1)
        deliverer.look([endpoint_id])
        late.answered.set()
        await settled(site, 1, status="failed")
    await late.close()


async def test_results_that_waited_for_a_dead_database_are_recorded_and_nothing_is_sent_twice(
    own_postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database comes back after the leases have ended: what is known is recorded before more is claimed."""
    monkeypatch.setattr(settling, "AWAY_SECONDS", 0.2)
    await asyncio.to_thread(migrate, own_postgres.url())
    gate = Gate()
    async with (
        new_site(own_postgres.url(), lease_seconds=2, sweep_seconds=0.05) as site,
        receiver(gate) as there,
        running_engine(site) as engine,
    ):
        await site.register(there.url)
        for _ in range(100):
            await site.publish()
        await gate.holds(16)
        await asyncio.to_thread(own_postgres.kill9)
        died_at = site.wiring.clock()
        gate.open()
        await eventually(
            lambda: site.wiring.clock() - died_at > timedelta(seconds=2.5), what="all leases have ended"
        )
        sent = len(there.requests)
        await asyncio.to_thread(own_postgres.start)
        await settled(site, 100)
        assert len(await site.attempts()) == 100
        assert len({request.headers["x-aetherflow-delivery"] for request in there.requests}) == 100
        assert (sent, len(there.requests)) == (100, 100)
        assert len(engine.deliverer.leases) == 0


async def test_a_hint_about_rows_that_do_not_exist_does_no_harm(site: Site) -> None:
    async with receiver() as there, bare_deliverer(site) as deliverer:
        endpoint_id = await site.register(there.url)
        until = (site.wiring.clock() + timedelta(seconds=5)).timestamp()
        event = BornEvent(site.workspace_id, "evt_ghost", "order.placed", b"{}", 1)
        ghosts = [BornDelivery(0, "dlv_ghost", endpoint_id), BornDelivery(0, "dlv_ghost_2", "ep_ghost")]
        deliverer.take(BornLeased(7, until, [event], ghosts))
        await eventually(lambda: there.requests, what="the ghost was sent, since its lease looks good")
        await eventually(lambda: len(deliverer.leases) == 0, what="both are let go of")
        async with site.database.read() as tx:
            assert await tx.get(Delivery, (site.workspace_id, "dlv_ghost")) is None
        assert await site.attempts() == []
