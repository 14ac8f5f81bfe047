"""The leases of one process: renewed while they hold, given up when they do not, given back in bulk."""

from datetime import datetime, timedelta

import pytest

from app.store.hot.contract import Work
from app.store.hot.postgresql import PostgresqlHotStore
from delivery import leases
from delivery.leases import RENEW_SECONDS, Leases
from tests.outbound.sites import Site
from tests.processes import free_port
from tests.store.rows import (
    add_endpoint,
    at,
    change_delivery,
    claim,
    publish_to,
    read_deliveries,
    read_delivery,
    replaced,
    settlement,
)


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock(at(1000))


@pytest.fixture
def held(site: Site, clock: Clock) -> Leases:
    return Leases(site.database.hot, clock=clock, lease_seconds=5)


@pytest.fixture
async def works(site: Site, held: Leases) -> list[Work]:
    """Three works, claimed at 1000 s and so leased until 1005 s."""
    endpoint_id = await add_endpoint(site.database, site.workspace_id)
    await publish_to(site.database, endpoint_id, 3, workspace_id=site.workspace_id)
    claimed = await claim(site.database, endpoint_id, seconds=1000)
    for work in claimed:
        held.hold(work)
    return claimed


async def until(site: Site, work: Work) -> datetime | None:
    return (await read_delivery(site.database, work.delivery_id)).leased_until


async def test_a_lease_is_renewed_when_it_is_a_second_old_and_not_before(
    site: Site, held: Leases, works: list[Work], clock: Clock
) -> None:
    clock.advance(RENEW_SECONDS - 0.1)
    await held.renew()
    assert await until(site, works[0]) == at(1005)
    clock.advance(0.1)
    await held.renew()
    assert await until(site, works[0]) == works[0].leased_until == at(1006)


async def test_what_was_dropped_is_not_renewed(
    site: Site, held: Leases, works: list[Work], clock: Clock
) -> None:
    held.drop(works[0].delivery_id)
    clock.advance(2)
    await held.renew()
    assert [await until(site, work) for work in works] == [at(1005), at(1007), at(1007)]
    assert len(held) == 2


async def test_a_lease_has_lapsed_from_its_last_moment_on(
    held: Leases, works: list[Work], clock: Clock
) -> None:
    clock.advance(4.999)
    assert not held.has_lapsed(works[0])
    clock.advance(0.001)
    assert held.has_lapsed(works[0])


async def test_a_renewal_that_comes_late_restores_what_nobody_took(
    site: Site, held: Leases, works: list[Work], clock: Clock
) -> None:
    clock.advance(20)
    await held.renew()
    assert not held.has_lapsed(works[0])
    assert await until(site, works[0]) == at(1025)


async def test_what_another_process_took_stays_lapsed_after_a_renewal(
    site: Site, held: Leases, works: list[Work], clock: Clock
) -> None:
    """Else this process would send it too, when its turn comes."""
    [taken] = await claim(site.database, works[0].endpoint_id, 1, seconds=1005)
    clock.advance(6)
    await held.renew()
    lapsed = {work.delivery_id for work in works if held.has_lapsed(work)}
    assert lapsed == {taken.delivery_id}
    assert await until(site, works[0]) == taken.leased_until


async def test_what_was_cancelled_is_not_sent_any_more_after_a_renewal(
    site: Site, held: Leases, works: list[Work], clock: Clock
) -> None:
    await change_delivery(site.database, works[1].delivery_id, status="cancelled")
    clock.advance(1)
    await held.renew()
    assert [held.has_lapsed(work) for work in works] == [False, True, False]


async def test_what_is_given_back_is_free_at_once(site: Site, held: Leases, works: list[Work]) -> None:
    held.give_back(works[:2])
    await held.drain()
    assert [await until(site, work) for work in works] == [None, None, at(1005)]
    assert len(held) == 1


async def test_giving_back_more_than_fits_into_a_statement_gives_back_everything(
    site: Site, held: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MOST_TOGETHER", 10)
    endpoint_id = await add_endpoint(site.database, site.workspace_id)
    await publish_to(site.database, endpoint_id, 35, workspace_id=site.workspace_id)
    claimed = await claim(site.database, endpoint_id)
    held.give_back(claimed[:20])
    held.give_back(claimed[20:])
    await held.drain()
    assert {row.lease_token for row in await read_deliveries(site.database)} == {None}


async def test_a_delivery_claimed_anew_while_it_is_in_hand_goes_on_under_the_new_lease(
    site: Site, held: Leases, works: list[Work], clock: Clock
) -> None:
    [anew] = await claim(site.database, works[0].endpoint_id, 1, seconds=1005)
    clock.advance(5)
    assert held.take_over(anew)
    assert len(held) == 3
    assert not held.has_lapsed(works[0])
    assert await site.database.hot.settle([settlement(works[0])]) == 1


async def test_what_is_not_in_hand_is_not_taken_over(held: Leases, works: list[Work]) -> None:
    assert not held.take_over(replaced(works[0], delivery_id="dlv_other"))


async def test_giving_back_a_refused_claim_does_not_let_go_of_what_is_in_hand(
    held: Leases, works: list[Work]
) -> None:
    held.give_back([replaced(works[0], token=works[0].token + 1_000_000)])
    await held.drain()
    assert len(held) == 3


async def test_what_a_database_that_is_away_cannot_take_back_lapses_by_itself(clock: Clock) -> None:
    hot = PostgresqlHotStore(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    await hot.open()
    held = Leases(hot, clock=clock, lease_seconds=5)
    work = Work("ws_1", "dlv_1", "evt_1", "a.b", "ep_1", b"{}", 1, False, False, 0, 7, at(1005))
    held.hold(work)
    held.give_back([work])
    await held.drain()
    assert len(held) == 0
    await hot.close()
