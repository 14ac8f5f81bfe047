"""What both databases promise of `claim` and `due_endpoints`: each delivery to one caller, the longest due first."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from app.store.database import Database
from app.store.models import Row
from tests.store.rows import (
    LEASE,
    START,
    add_endpoint,
    add_workspace,
    at,
    change_delivery,
    change_endpoint,
    claim,
    failed_for_now,
    new_delivery,
    new_event,
    new_token,
    publish,
    publish_to,
    read_deliveries,
    read_delivery,
    settlement,
)


@pytest.fixture
async def workspace_id(database: Database) -> str:
    return await add_workspace(database)


@pytest.fixture
async def endpoint_id(database: Database, workspace_id: str) -> str:
    return await add_endpoint(database, workspace_id)


async def due(database: Database, *, seconds: float = 1000, limit: int = 100) -> list[str]:
    return await database.hot.due_endpoints(now=at(seconds), limit=limit)


async def test_a_claimed_delivery_comes_with_all_that_sending_takes(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    event = new_event(workspace_id, body=b'{"data":{}}', type="order.placed")
    delivery = new_delivery(event, endpoint_id)
    await publish(database, [event], [delivery])
    token = new_token()
    [work] = await database.hot.claim([(endpoint_id, 5)], token=token, now=at(1), leased_until=at(1) + LEASE)
    assert (work.workspace_id, work.delivery_id, work.event_id) == (workspace_id, delivery.id, event.id)
    assert (work.event_type, work.endpoint_id, work.body) == ("order.placed", endpoint_id, b'{"data":{}}')
    assert (work.number, work.single_try, work.test) == (1, False, False)
    assert (work.token, work.leased_until) == (token, at(1) + LEASE)
    row = await read_delivery(database, delivery.id)
    assert (row.lease_token, row.leased_until, row.claimed_at) == (token, at(1) + LEASE, at(1))


async def test_the_longest_due_come_first_whatever_the_order_of_their_ids(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    deliveries = await publish_to(database, endpoint_id, 10, workspace_id=workspace_id)
    await change_delivery(database, deliveries[7].id, due_at=at(-60))
    await change_delivery(database, deliveries[0].id, due_at=at(60))
    works = await claim(database, endpoint_id, 10)
    order = [7, 1, 2, 3, 4, 5, 6, 8, 9, 0]
    assert [work.delivery_id for work in works] == [deliveries[place].id for place in order]


async def test_no_more_is_claimed_than_there_is_room_for(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    deliveries = await publish_to(database, endpoint_id, 10, workspace_id=workspace_id)
    works = await claim(database, endpoint_id, 3)
    assert [work.delivery_id for work in works] == [delivery.id for delivery in deliveries[:3]]
    assert await claim(database, endpoint_id, 0) == []
    assert len(await claim(database, endpoint_id, 100)) == 7


async def test_each_endpoint_has_room_of_its_own_in_one_claim(database: Database, workspace_id: str) -> None:
    endpoint_ids = [await add_endpoint(database, workspace_id) for _ in range(4)]
    for endpoint_id in endpoint_ids:
        await publish_to(database, endpoint_id, 5, workspace_id=workspace_id)
    rooms = list(zip(endpoint_ids, [1, 5, 0, 3], strict=True))
    works = await database.hot.claim(rooms, token=new_token(), now=at(1000), leased_until=at(1005))
    counts = {endpoint_id: sum(w.endpoint_id == endpoint_id for w in works) for endpoint_id in endpoint_ids}
    assert list(counts.values()) == [1, 5, 0, 3]


async def test_claiming_for_nobody_or_for_an_unknown_endpoint_gives_nothing(database: Database) -> None:
    assert await database.hot.claim([], token=new_token(), now=at(), leased_until=at(5)) == []
    assert await claim(database, "ep_nowhere") == []


async def test_nothing_is_claimed_before_it_is_due(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    await publish_to(database, endpoint_id, workspace_id=workspace_id)
    just_before = START - timedelta(microseconds=1)
    claimed = await database.hot.claim(
        [(endpoint_id, 9)], token=new_token(), now=just_before, leased_until=just_before + LEASE
    )
    assert claimed == []
    assert await database.hot.due_endpoints(now=just_before, limit=9) == []
    assert len(await claim(database, endpoint_id, seconds=0)) == 1


async def test_what_is_leased_is_not_claimed_until_the_lease_ends(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    await publish_to(database, endpoint_id, workspace_id=workspace_id)
    [first] = await claim(database, endpoint_id, seconds=100)
    just_before = at(105) - timedelta(microseconds=1)
    token = new_token()
    again = [(endpoint_id, 1)]
    assert await database.hot.claim(again, token=token, now=just_before, leased_until=at(200)) == []
    assert await database.hot.due_endpoints(now=just_before, limit=9) == []
    [second] = await database.hot.claim(again, token=token, now=at(105), leased_until=at(110))
    assert (second.delivery_id, second.number) == (first.delivery_id, 1)
    assert second.token != first.token


async def test_the_first_claim_stays_the_time_of_the_claim(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    [delivery] = await publish_to(database, endpoint_id, workspace_id=workspace_id)
    await claim(database, endpoint_id, seconds=100)
    await claim(database, endpoint_id, seconds=200)
    assert (await read_delivery(database, delivery.id)).claimed_at == at(100)


async def test_a_retry_is_claimed_with_the_next_number_and_what_was_asked_of_it(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    await publish_to(database, endpoint_id, workspace_id=workspace_id)
    [work] = await claim(database, endpoint_id, seconds=100)
    await database.hot.settle([failed_for_now(work, due_at=at(110))])
    await change_delivery(database, work.delivery_id, single_try=True, test=True)
    assert await claim(database, endpoint_id, seconds=109.9) == []
    [work] = await claim(database, endpoint_id, seconds=110)
    assert (work.number, work.single_try, work.test) == (2, True, True)


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
async def test_what_has_ended_is_not_claimed(
    database: Database, workspace_id: str, endpoint_id: str, status: str
) -> None:
    [delivery] = await publish_to(database, endpoint_id, workspace_id=workspace_id)
    await change_delivery(database, delivery.id, status=status)
    assert await claim(database, endpoint_id) == []
    assert await due(database) == []


async def test_claimants_at_the_same_time_never_share_a_delivery_and_leave_none(
    database: Database, workspace_id: str
) -> None:
    endpoint_ids = [await add_endpoint(database, workspace_id) for _ in range(3)]
    for endpoint_id in endpoint_ids:
        await publish_to(database, endpoint_id, 100, workspace_id=workspace_id)

    async def claim_until_nothing_comes() -> list[str]:
        mine: list[str] = []
        while works := await database.hot.claim(
            [(id_, 7) for id_ in endpoint_ids], token=new_token(), now=at(1000), leased_until=at(1005)
        ):
            mine += [work.delivery_id for work in works]
        return mine

    shares = await asyncio.gather(*(claim_until_nothing_comes() for _ in range(8)))
    claimed = [delivery_id for share in shares for delivery_id in share]
    assert len(claimed) == len(set(claimed))
    # A claim passes by what another has just locked, so the last ones may all come back with nothing.
    claimed += await claim_until_nothing_comes()
    assert sorted(claimed) == [row.id for row in await read_deliveries(database)]


async def test_deliveries_of_a_disabled_endpoint_are_held_until_it_is_enabled(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    await publish_to(database, endpoint_id, 3, workspace_id=workspace_id)
    await change_endpoint(database, endpoint_id, enabled=False)
    assert await claim(database, endpoint_id) == []
    assert await due(database) == []
    await change_endpoint(database, endpoint_id, enabled=True)
    assert await due(database) == [endpoint_id]
    assert len(await claim(database, endpoint_id)) == 3


async def test_tests_of_a_disabled_endpoint_are_claimed(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    deliveries = await publish_to(database, endpoint_id, 3, workspace_id=workspace_id)
    await change_endpoint(database, endpoint_id, enabled=False)
    await change_delivery(database, deliveries[1].id, test=True)
    assert await due(database) == [endpoint_id]
    assert [work.delivery_id for work in await claim(database, endpoint_id)] == [deliveries[1].id]
    assert await due(database) == []


async def test_what_is_left_of_a_deleted_endpoint_is_claimed_so_that_it_can_be_cancelled(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    """A publish or a retry at the very moment of the deletion leaves it."""
    [delivery] = await publish_to(database, endpoint_id, workspace_id=workspace_id)
    await change_endpoint(database, endpoint_id, enabled=False, deleted_at=at(1))
    assert await due(database) == [endpoint_id]
    assert [work.delivery_id for work in await claim(database, endpoint_id)] == [delivery.id]


async def test_endpoints_are_due_as_long_as_they_have_something_to_claim(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    await publish_to(database, endpoint_id, 2, workspace_id=workspace_id)
    await claim(database, endpoint_id, 1)
    assert await due(database) == [endpoint_id]
    [work] = await claim(database, endpoint_id, 1)
    assert await due(database) == []
    assert await due(database, seconds=1005) == [endpoint_id]
    await database.hot.release([(workspace_id, work.delivery_id, work.token)])
    assert await due(database) == [endpoint_id]
    [work] = await claim(database, endpoint_id)
    await database.hot.settle([settlement(work)])
    assert await due(database) == []


async def test_what_is_due_later_does_not_hide_what_is_due_now(database: Database, workspace_id: str) -> None:
    early, mixed, late = [await add_endpoint(database, workspace_id) for _ in range(3)]
    await publish_to(database, early, 2, workspace_id=workspace_id, created_at=at(-10))
    [first, _] = await publish_to(database, mixed, 2, workspace_id=workspace_id, created_at=at(-10))
    await change_delivery(database, first.id, due_at=at(500))
    await publish_to(database, late, 2, workspace_id=workspace_id, created_at=at(500))
    assert sorted(await due(database, seconds=0)) == sorted([early, mixed])


async def test_exactly_the_endpoints_with_something_to_claim_are_due_among_thousands(
    database: Database, workspace_id: str
) -> None:
    """Every third has due work, the others finished, leased or later work; none is counted twice or forgotten."""
    endpoint_ids = [f"ep_{number:04d}" for number in range(3000)]
    await add_many_endpoints(database, workspace_id, endpoint_ids)
    event, later = new_event(workspace_id), new_event(workspace_id, created_at=at(5000))
    due_ids = endpoint_ids[::3]
    await publish(
        database,
        [event, later],
        [new_delivery(event, id_) for id_ in due_ids for _ in range(2)]
        + [new_delivery(later, id_) for id_ in endpoint_ids[1::3]],
    )
    leased = new_event(workspace_id)
    await publish(
        database,
        [leased],
        [new_delivery(leased, id_) for id_ in endpoint_ids[2::3]],
        token=new_token(),
        leased_until=at(5000),
    )
    assert await due(database, limit=5000) == due_ids
    found: list[str] = []
    while page := await database.hot.due_endpoints(now=at(1000), limit=400, after=found[-1] if found else ""):
        found += page
    assert found == due_ids


async def add_many_endpoints(database: Database, workspace_id: str, endpoint_ids: list[str]) -> None:
    first = await add_endpoint(database, workspace_id, id=endpoint_ids[0])
    async with database.write() as tx:
        row = (await tx.execute(select(*Row.metadata.tables["endpoints"].columns))).mappings().one()
        assert row["id"] == first
        await tx.execute(
            insert(Row.metadata.tables["endpoints"]), [{**row, "id": id_} for id_ in endpoint_ids[1:]]
        )
