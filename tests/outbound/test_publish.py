"""Publishing: many callers to a commit, each with an answer of its own, and nothing by a table out of date."""

import asyncio
import contextlib
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
import pytest
import sqlalchemy

from app.errors import Conflict, Unavailable
from app.outbound import endpoints as endpoint_verbs
from app.outbound.drafts import Published
from app.outbound.publish import MOST_DELIVERIES
from app.queue import BornLeased, Hint, LocalQueue, Look
from app.store.hot.sqlite import SqliteHotStore
from app.store.models import Endpoint
from tests.eventually import eventually
from tests.outbound.sites import Site, new_site
from tests.postgres_server import Postgres
from tests.services import migrate


@pytest.fixture
def hints(site: Site) -> list[Hint]:
    """What workers would be told; as long as somebody listens, deliveries are born leased."""
    given: list[Hint] = []
    site.queue.connect(given.append)
    return given


@contextlib.asynccontextmanager
async def neighbour_of(site: Site, database_url: str) -> AsyncIterator[Site]:
    """Another process's parts on the same database, serving the same workspace."""
    async with new_site(database_url, emptied=False) as neighbour:
        neighbour.workspace_id = site.workspace_id
        yield neighbour


def born(hints: list[Hint]) -> list[BornLeased]:
    return [hint for hint in hints if isinstance(hint, BornLeased)]


async def test_an_event_is_answered_with_what_was_committed(site: Site) -> None:
    for _ in range(3):
        await site.register()
    published = await site.publish({"id": 7})
    [event] = await site.events()
    assert published == Published(event.id, "order.placed", published.timestamp, 3, replayed=False)
    body = orjson.loads(event.body)
    assert body == {
        "event": "order.placed",
        "id": published.id,
        "timestamp": published.timestamp,
        "data": {"id": 7},
    }
    assert len(await site.deliveries(event_id=event.id)) == 3


async def test_an_event_that_nobody_subscribes_to_is_kept(site: Site) -> None:
    await site.register(events=["invoice.*"])
    assert (await site.publish()).deliveries == 0
    assert len(await site.events()) == 1


async def test_what_is_published_at_the_same_time_shares_commits_and_loses_nothing(
    site: Site, hints: list[Hint]
) -> None:
    await site.register()
    answers = await asyncio.gather(*(site.publish({"number": number}) for number in range(200)))
    assert len({answer.id for answer in answers}) == 200
    assert {event.id for event in await site.events()} == {answer.id for answer in answers}
    assert len(await site.deliveries()) == 200
    # One hint a commit; the first one goes alone, since nobody waits for a timer.
    assert len(born(hints)) <= 20


async def test_a_commit_has_a_bounded_number_of_deliveries(site: Site, hints: list[Hint]) -> None:
    for _ in range(200):
        await site.register()
    await site.publish()
    answers = await asyncio.gather(*(site.publish() for _ in range(60)))
    assert {answer.deliveries for answer in answers} == {200}
    assert max(len(hint.deliveries) for hint in born(hints)) < MOST_DELIVERIES + 200
    assert sum(len(hint.deliveries) for hint in born(hints)) == 61 * 200


async def test_a_hint_carries_what_the_database_holds(site: Site, hints: list[Hint]) -> None:
    await site.register()
    await asyncio.gather(*(site.publish({"number": number}) for number in range(10)))
    rows = {row.id: row for row in await site.deliveries()}
    events = {event.id: event for event in await site.events()}
    seen = 0
    for hint in born(hints):
        for delivery in hint.deliveries:
            row, event = rows[delivery.id], hint.events[delivery.event]
            assert (row.endpoint_id, row.event_id) == (delivery.endpoint_id, event.id)
            assert row.lease_token == hint.token
            assert row.leased_until is not None
            assert row.leased_until.timestamp() == hint.leased_until
            assert (event.body, event.type) == (events[event.id].body, "order.placed")
            seen += 1
    assert seen == 10


async def test_deliveries_are_born_free_when_nobody_takes_hints(site: Site) -> None:
    await site.register()
    await site.publish()
    [row] = await site.deliveries()
    assert (row.lease_token, row.leased_until, row.claimed_at) == (None, None, None)


async def test_an_event_published_again_gets_the_first_answer_and_no_new_delivery(
    site: Site, hints: list[Hint]
) -> None:
    await site.register()
    first = await site.publish({"id": 7}, id="evt_mine")
    hints.clear()
    await site.register()
    again = await site.publish({"id": 7}, id="evt_mine")
    assert again == Published("evt_mine", first.type, first.timestamp, 1, replayed=True)
    assert len(await site.deliveries()) == 1
    assert born(hints) == []


@pytest.mark.parametrize(
    "other",
    [{"data": {"id": 8}}, {"type": "order.shipped"}, {"timestamp": "2026-01-01T00:00:00Z"}],
    ids=["data", "type", "timestamp"],
)
async def test_an_id_used_for_another_event_is_a_conflict(site: Site, other: dict[str, Any]) -> None:
    await site.publish({"id": 7}, id="evt_mine")
    with pytest.raises(Conflict) as caught:
        await site.publish(**({"data": {"id": 7}, "id": "evt_mine"} | other))
    assert [problem.path for problem in caught.value.problems] == ["/id"]
    assert len(await site.events()) == 1


async def test_the_same_id_at_the_same_time_is_one_event_and_everybody_gets_its_answer(site: Site) -> None:
    await site.register()
    answers = await asyncio.gather(*(site.publish({"id": 7}, id="evt_mine") for _ in range(20)))
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: 19}
    assert len({answer.timestamp for answer in answers}) == 1
    assert len(await site.events()) == len(await site.deliveries()) == 1


async def test_of_different_events_with_one_id_at_the_same_time_one_is_published(site: Site) -> None:
    answers = await asyncio.gather(
        *(site.publish({"number": number}, id="evt_mine") for number in range(10)), return_exceptions=True
    )
    assert Counter(type(answer) for answer in answers) == {Published: 1, Conflict: 9}


async def test_a_conflict_takes_nobody_else_along(site: Site) -> None:
    await site.publish({"id": 7}, id="evt_mine")
    answers = await asyncio.gather(
        site.publish({"a": 1}),
        site.publish({"id": 8}, id="evt_mine"),
        site.publish({"b": 2}),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [Published, Conflict, Published]


async def test_two_workspaces_share_a_commit_and_nothing_else(site: Site) -> None:
    other = Site(site.wiring, site.queue)
    other.publisher = site.publisher
    await other.add_workspace()
    await site.register()
    for _ in range(2):
        await other.register()
    mine, theirs = await asyncio.gather(site.publish(id="evt_1"), other.publish(id="evt_1"))
    assert (mine.deliveries, theirs.deliveries) == (1, 2)
    assert {row.workspace_id for row in await site.deliveries()} == {site.workspace_id, other.workspace_id}


async def test_an_endpoint_registered_before_a_publish_gets_it_from_every_process(
    site: Site, database_url: str
) -> None:
    """Each process fans out from memory; the commit notices that the memory is out of date."""
    publishers = [site.publisher, site.make_publisher()]
    for number in range(1, 16):
        await site.register()
        answers = await asyncio.gather(
            *(publisher.publish(publisher.draft(site.publication())) for publisher in publishers * 3)
        )
        assert {answer.deliveries for answer in answers} == {number}


async def test_a_process_with_a_database_of_its_own_sees_every_answered_registration(
    site: Site, database_url: str
) -> None:
    async with neighbour_of(site, database_url) as neighbour:
        await neighbour.publish()
        registered = 0
        stop = asyncio.Event()

        async def keep_registering() -> None:
            nonlocal registered
            while not stop.is_set():
                await site.register()
                registered += 1
                # Writers in different processes do not queue: without a pause the other one hardly gets its turn.
                await asyncio.sleep(0.01)

        async def keep_publishing() -> None:
            for _ in range(20):
                before = registered
                assert (await neighbour.publish()).deliveries >= before
            stop.set()

        await asyncio.gather(keep_registering(), keep_publishing())
        assert registered > 0


async def test_a_change_of_endpoints_costs_all_publishers_together_one_reading(site: Site) -> None:
    await site.register()
    await site.publish()
    await site.register()
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sqlalchemy.event.listen(site.database.engine.sync_engine, "before_cursor_execute", note)
    answers = await asyncio.gather(*(site.publish(id=f"evt-{number}") for number in range(100)))
    assert {answer.deliveries for answer in answers} == {2}
    assert len([statement for statement in statements if "endpoints_version" in statement]) == 1
    assert not [statement for statement in statements if "FROM events" in statement]


async def test_an_endpoint_disabled_or_deleted_before_a_publish_gets_nothing(site: Site) -> None:
    disabled, deleted, kept = [await site.register() for _ in range(3)]
    await site.publish()
    async with site.database.write() as tx:
        endpoint = await tx.get_one(Endpoint, disabled)
        await endpoint_verbs.disable(tx, endpoint, reason="manual", wiring=site.wiring)
        await endpoint_verbs.delete(tx, await tx.get_one(Endpoint, deleted), wiring=site.wiring)
    published = await site.publish()
    assert [row.endpoint_id for row in await site.deliveries(event_id=published.id)] == [kept]


async def test_a_caller_that_gives_up_disturbs_nobody_else(site: Site) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(site.publish({"number": number})) for number in range(5)]
        await asyncio.sleep(0)
        tasks[2].cancel()
    assert [task.cancelled() for task in tasks] == [False, False, True, False, False]
    assert {task.result().id for task in tasks if not task.cancelled()} <= {e.id for e in await site.events()}


class Refusing(LocalQueue):
    """A queue that loses hints and says so later, as Redis does when it goes away."""

    carries_leases = True
    release: Callable[[Sequence[BornLeased]], None]

    def __init__(self) -> None:
        super().__init__()
        self.given: list[BornLeased] = []
        self.looks: list[Look] = []

    def give(self, hint: Hint) -> None:
        if isinstance(hint, BornLeased):
            self.given.append(hint)
        if isinstance(hint, Look):
            self.looks.append(hint)

    def on_refusal(self, release: Callable[[Sequence[BornLeased]], None]) -> None:
        self.release = release


async def test_leases_that_a_hint_could_not_carry_are_given_back_and_then_looked_for(site: Site) -> None:
    endpoint_id = await site.register()
    site.queue = Refusing()
    site.publisher = site.make_publisher()
    for _ in range(3):
        await site.publish()
    site.queue.release(site.queue.given[:2])

    assert site.queue.looks == []
    await eventually(lambda: site.queue.looks, what="workers are told to look")
    assert site.queue.looks == [Look([endpoint_id])]
    assert [row.lease_token is None for row in await site.deliveries()] == [True, True, False]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_locked_database_answers_every_caller_and_the_next_one_can_publish(
    site: Site, database_url: str
) -> None:
    await site.publish()
    assert isinstance(site.database.hot, SqliteHotStore)
    await site.database.hot._writer.run(
        lambda connection: connection.execute("PRAGMA busy_timeout=50").fetchone()
    )
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers = await asyncio.gather(*(site.publish() for _ in range(20)), return_exceptions=True)
    assert Counter(type(answer) for answer in answers) == {Unavailable: 20}
    other.close()
    await site.publish()
    assert len(await site.events()) == 2


async def test_a_server_that_is_gone_answers_every_caller_and_its_return_ends_it(
    own_postgres: Postgres,
) -> None:
    await asyncio.to_thread(migrate, own_postgres.url())
    async with new_site(own_postgres.url()) as site:
        await site.publish()
        await asyncio.to_thread(own_postgres.kill9)
        batch = site.publisher.publish_batch([site.publisher.draft(site.publication())])
        answers = await asyncio.gather(
            *(site.publish(id=f"evt_{number}") for number in range(20)), batch, return_exceptions=True
        )
        assert Counter(type(answer) for answer in answers) == {Unavailable: 21}
        await asyncio.to_thread(own_postgres.start)
        published = await site.publish(id="evt_3")
        assert published.replayed is False
        assert len(await site.events()) == 2


async def test_a_batch_is_published_in_the_order_given(site: Site, hints: list[Hint]) -> None:
    await site.register()
    drafts = [site.publisher.draft(site.publication({"n": n}, id=f"evt_{n:03d}")) for n in range(300, 0, -1)]
    answers = await site.publisher.publish_batch(drafts)
    assert [answer.id for answer in answers] == [f"evt_{n:03d}" for n in range(300, 0, -1)]
    assert len(await site.deliveries()) == 300
    assert len(born(hints)) == 1


async def test_what_a_batch_repeats_counts_as_published_and_the_rest_is(site: Site) -> None:
    await site.register()
    await site.publish({"n": 1}, id="evt_1")
    drafts = [site.publisher.draft(site.publication({"n": n}, id=f"evt_{n}")) for n in (2, 1, 3)]
    answers = await site.publisher.publish_batch(drafts)
    assert [(answer.id, answer.replayed) for answer in answers] == [
        ("evt_2", False),
        ("evt_1", True),
        ("evt_3", False),
    ]
    assert len(await site.deliveries()) == 3


async def test_a_conflict_anywhere_in_a_batch_publishes_nothing_of_it(site: Site) -> None:
    await site.publish({"n": 1}, id="evt_1")
    drafts = [site.publisher.draft(site.publication({"n": n + 7}, id=f"evt_{n}")) for n in (2, 1, 3)]
    with pytest.raises(Conflict):
        await site.publisher.publish_batch(drafts)
    assert [event.id for event in await site.events()] == ["evt_1"]


async def test_batches_with_ids_in_common_at_the_same_time_are_each_answered_for_all(site: Site) -> None:
    await site.register()

    async def publish_all(order: list[int]) -> list[Published]:
        given = [site.publication({"n": n}, id=f"evt_{n:03d}") for n in order]
        return await site.publisher.publish_batch([site.publisher.draft(one) for one in given])

    numbers = list(range(100))
    orders = [numbers, numbers[::-1], numbers[50:] + numbers[:50]]
    answers = await asyncio.gather(*(publish_all(order) for order in orders))
    assert [len(answer) for answer in answers] == [100] * 3
    assert len(await site.events()) == len(await site.deliveries()) == 100
    assert Counter(one.replayed for answer in answers for one in answer) == {False: 100, True: 200}


async def test_a_batch_reaches_an_endpoint_registered_by_another_process(
    site: Site, database_url: str
) -> None:
    async with neighbour_of(site, database_url) as neighbour:
        await neighbour.publish()
        await site.register()
        drafts = [neighbour.publisher.draft(neighbour.publication({"n": n})) for n in range(3)]
        assert [one.deliveries for one in await neighbour.publisher.publish_batch(drafts)] == [1, 1, 1]
