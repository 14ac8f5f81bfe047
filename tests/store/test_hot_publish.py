"""What both databases promise of `publish`: an event with all its deliveries, or nothing of it."""

import asyncio

import pytest

from app.store.database import Database
from app.store.models import Workspace
from tests.store.rows import (
    LEASE,
    START,
    add_endpoint,
    add_workspace,
    claim,
    new_delivery,
    new_event,
    new_token,
    publish,
    read_deliveries,
    read_delivery,
    read_events,
)


async def raise_version(database: Database, workspace_id: str) -> None:
    async with database.write() as tx:
        workspace = await tx.get_one(Workspace, workspace_id)
        workspace.endpoints_version += 1


async def test_an_event_is_written_with_all_its_deliveries(database: Database) -> None:
    workspace_id = await add_workspace(database)
    event = new_event(workspace_id)
    deliveries = [new_delivery(event, f"ep_{number}") for number in range(5)]
    assert await publish(database, [event], deliveries) == {event.id}
    [written] = await read_events(database)
    assert (written.workspace_id, written.id, written.type) == (workspace_id, event.id, event.type)
    assert [row.id for row in await read_deliveries(database)] == [delivery.id for delivery in deliveries]


async def test_a_delivery_is_born_pending_and_due_at_once(database: Database) -> None:
    workspace_id = await add_workspace(database)
    event = new_event(workspace_id)
    delivery = new_delivery(event, "ep_1")
    await publish(database, [event], [delivery])
    row = await read_delivery(database, delivery.id)
    assert (row.status, row.attempt_count, row.single_try, row.test) == ("pending", 0, False, False)
    assert (row.event_id, row.event_type, row.endpoint_id) == (event.id, event.type, "ep_1")
    assert row.due_at == row.created_at == START
    assert (row.leased_until, row.lease_token, row.claimed_at) == (None, None, None)
    assert (row.first_attempt_at, row.finished_at, row.reason) == (None, None, None)


async def test_a_delivery_born_leased_carries_its_lease_from_the_first_moment(database: Database) -> None:
    workspace_id = await add_workspace(database)
    endpoint_id = await add_endpoint(database, workspace_id)
    event = new_event(workspace_id)
    delivery = new_delivery(event, endpoint_id)
    token = new_token()
    await publish(database, [event], [delivery], token=token, leased_until=START + LEASE)
    row = await read_delivery(database, delivery.id)
    assert (row.lease_token, row.leased_until, row.claimed_at) == (token, START + LEASE, START)
    assert await claim(database, endpoint_id, seconds=4.9) == []
    assert [work.delivery_id for work in await claim(database, endpoint_id, seconds=5)] == [delivery.id]


async def test_a_token_of_63_bits_survives(database: Database) -> None:
    workspace_id = await add_workspace(database)
    event = new_event(workspace_id)
    delivery = new_delivery(event, "ep_1")
    await publish(database, [event], [delivery], token=2**63 - 1, leased_until=START + LEASE)
    assert (await read_delivery(database, delivery.id)).lease_token == 2**63 - 1


async def test_an_event_without_receivers_is_written_alone(database: Database) -> None:
    workspace_id = await add_workspace(database)
    event = new_event(workspace_id)
    assert await publish(database, [event], token=new_token(), leased_until=START + LEASE) == {event.id}
    assert [row.id for row in await read_events(database)] == [event.id]
    assert await read_deliveries(database) == []


async def test_publishing_nothing_writes_nothing(database: Database) -> None:
    assert await publish(database, []) == set()
    assert await publish(database, [], whole=True) == set()


@pytest.mark.parametrize("version", [0, 2], ids=["older", "newer"])
async def test_an_event_fanned_out_by_another_version_is_not_written(
    database: Database, version: int
) -> None:
    workspace_id = await add_workspace(database, version=1)
    event = new_event(workspace_id, endpoints_version=version)
    assert await publish(database, [event], [new_delivery(event, "ep_1")]) == set()
    assert await read_events(database) == []
    assert await read_deliveries(database) == []


async def test_a_change_that_was_committed_makes_the_next_publish_stale(database: Database) -> None:
    workspace_id = await add_workspace(database)
    assert len(await publish(database, [new_event(workspace_id)])) == 1
    await raise_version(database, workspace_id)
    assert await publish(database, [new_event(workspace_id)]) == set()


async def test_an_event_of_an_unknown_workspace_is_not_written(database: Database) -> None:
    assert await publish(database, [new_event("ws_nowhere")]) == set()


async def test_an_id_that_exists_is_left_as_it_is_and_gets_no_deliveries(database: Database) -> None:
    workspace_id = await add_workspace(database)
    first = new_event(workspace_id, "evt_1", body=b'{"a":1}')
    await publish(database, [first], [new_delivery(first, "ep_1")])
    again = new_event(workspace_id, "evt_1", body=b'{"a":2}')
    assert await publish(database, [again], [new_delivery(again, "ep_2")]) == set()
    assert [row.body for row in await read_events(database)] == [b'{"a":1}']
    assert [row.endpoint_id for row in await read_deliveries(database)] == ["ep_1"]


async def test_two_workspaces_may_use_the_same_id(database: Database) -> None:
    one, other = await add_workspace(database), await add_workspace(database)
    events = [new_event(one, "evt_1"), new_event(other, "evt_1")]
    deliveries = [new_delivery(event, f"ep_of_{event.workspace_id}") for event in events]
    token = new_token()
    written = await database.hot.publish(
        events, deliveries, token=token, leased_until=START + LEASE, whole=False
    )
    assert written == {(one, "evt_1"), (other, "evt_1")}
    rows = await read_deliveries(database)
    assert {(row.workspace_id, row.endpoint_id) for row in rows} == {
        (one, f"ep_of_{one}"),
        (other, f"ep_of_{other}"),
    }


async def test_what_is_refused_takes_nothing_else_with_it(database: Database) -> None:
    workspace_id, changed = await add_workspace(database), await add_workspace(database, version=1)
    await publish(database, [new_event(workspace_id, "evt_1")])
    known, stale, fresh = (
        new_event(workspace_id, "evt_1"),
        new_event(changed, "evt_2", endpoints_version=0),
        new_event(workspace_id, "evt_3"),
    )
    deliveries = [new_delivery(event, f"ep_of_{event.id}") for event in (known, stale, fresh)]
    assert await publish(database, [known, stale, fresh], deliveries) == {"evt_3"}
    assert [row.id for row in await read_events(database)] == ["evt_1", "evt_3"]
    assert [row.endpoint_id for row in await read_deliveries(database)] == ["ep_of_evt_3"]


@pytest.mark.parametrize("obstacle", ["an id that exists", "a stale version", "an unknown workspace"])
async def test_a_whole_batch_is_written_only_if_every_event_can_be(database: Database, obstacle: str) -> None:
    workspace_id = await add_workspace(database)
    await publish(database, [new_event(workspace_id, "evt_1")])
    bad = {
        "an id that exists": new_event(workspace_id, "evt_1"),
        "a stale version": new_event(workspace_id, "evt_2", endpoints_version=7),
        "an unknown workspace": new_event("ws_nowhere", "evt_2"),
    }[obstacle]
    good = new_event(workspace_id, "evt_3")
    deliveries = [new_delivery(event, "ep_1") for event in (good, bad)]
    assert await publish(database, [good, bad], deliveries, whole=True) == set()
    assert [row.id for row in await read_events(database)] == ["evt_1"]
    assert await read_deliveries(database) == []
    assert await publish(database, [good], deliveries[:1], whole=True) == {"evt_3"}


@pytest.mark.parametrize("whole", [False, True])
async def test_of_many_who_publish_one_id_at_the_same_time_one_succeeds(
    database: Database, whole: bool
) -> None:
    workspace_id = await add_workspace(database)

    async def attempt(number: int) -> set[str]:
        event = new_event(workspace_id, "evt_1", body=b"%d" % number)
        return await publish(database, [event], [new_delivery(event, f"ep_{number}")], whole=whole)

    answers = await asyncio.gather(*(attempt(number) for number in range(20)))
    assert sorted(len(answer) for answer in answers) == [0] * 19 + [1]
    [winner] = [number for number, answer in enumerate(answers) if answer]
    assert [row.body for row in await read_events(database)] == [b"%d" % winner]
    assert [row.endpoint_id for row in await read_deliveries(database)] == [f"ep_{winner}"]


async def test_publications_of_the_same_ids_in_different_orders_do_not_block_each_other(
    database: Database,
) -> None:
    """Each would hold what the other waits for, if events were written in the order in which they are given."""
    workspace_id = await add_workspace(database)
    ids = [f"evt_{number:03d}" for number in range(200)]
    orders = [ids, ids[::-1], ids[100:] + ids[:100], ids[::2] + ids[1::2]]
    for _ in range(3):
        answers = await asyncio.gather(
            *(publish(database, [new_event(workspace_id, id_) for id_ in order]) for order in orders)
        )
        assert sum(len(answer) for answer in answers) == 200
        workspace_id = await add_workspace(database)


@pytest.mark.parametrize("number", [1, 15, 16, 17, 63, 64, 65, 85, 1000])
async def test_any_number_of_events_is_written_in_one_call(database: Database, number: int) -> None:
    workspace_id = await add_workspace(database)
    events = [new_event(workspace_id, f"evt_{place:04d}", body=b"%d" % place) for place in range(number)]
    deliveries = [new_delivery(event, f"ep_{copy}") for event in events for copy in range(2)]
    assert len(await publish(database, events, deliveries, whole=True)) == number
    assert [(row.id, row.body) for row in await read_events(database)] == [(e.id, e.body) for e in events]
    rows = await read_deliveries(database)
    assert {(row.event_id, row.endpoint_id) for row in rows} == {
        (d.event_id, d.endpoint_id) for d in deliveries
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        '{"name":"Zoë 漢字 🎈","escaped":"\\u0000\\ud800","quotes":"\\"\\\\"}'.encode(),
        '{"separators":"\u2028\u2029\x7f"}'.encode(),
        b'{"long":"%b"}' % (b"x" * 262_144),
        b'{"numbers":[9007199254740993,1.10,1e400,-0]}',
    ],
    ids=["empty", "unicode", "separators", "long", "numbers"],
)
async def test_a_body_is_stored_and_claimed_to_the_byte(database: Database, body: bytes) -> None:
    workspace_id = await add_workspace(database)
    endpoint_id = await add_endpoint(database, workspace_id)
    event = new_event(workspace_id, body=body)
    await publish(database, [event], [new_delivery(event, endpoint_id)])
    assert [row.body for row in await read_events(database)] == [body]
    assert [work.body for work in await claim(database, endpoint_id)] == [body]


async def test_times_are_exact_to_the_microsecond(database: Database) -> None:
    workspace_id = await add_workspace(database)
    for microsecond in (0, 1, 499_999, 500_001, 999_999):
        moment = START.replace(microsecond=microsecond)
        event = new_event(workspace_id, created_at=moment)
        delivery = new_delivery(event, "ep_1")
        await publish(database, [event], [delivery], token=new_token(), leased_until=moment + LEASE)
        row = await read_delivery(database, delivery.id)
        assert (row.created_at, row.due_at, row.leased_until) == (moment, moment, moment + LEASE)
    assert {row.created_at.microsecond for row in await read_events(database)} == {
        0,
        1,
        499_999,
        500_001,
        999_999,
    }
