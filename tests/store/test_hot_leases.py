"""What both databases promise of leases: renewed and given back by their holder only, and ended all at once."""

import pytest

from app.store.database import Database
from app.store.hot.contract import Work
from tests.store.rows import (
    LEASE,
    add_endpoint,
    add_workspace,
    at,
    change_delivery,
    claim,
    new_delivery,
    new_event,
    new_token,
    publish,
    publish_to,
    read_delivery,
    replaced,
    settlement,
)

# When the fixture's leases begin; they end 5 s later.
CLAIMED = 100


@pytest.fixture
async def workspace_id(database: Database) -> str:
    return await add_workspace(database)


@pytest.fixture
async def endpoint_id(database: Database, workspace_id: str) -> str:
    return await add_endpoint(database, workspace_id)


@pytest.fixture
async def works(database: Database, workspace_id: str, endpoint_id: str) -> list[Work]:
    await publish_to(database, endpoint_id, 3, workspace_id=workspace_id)
    return await claim(database, endpoint_id, seconds=CLAIMED)


def lease_of(work: Work) -> tuple[str, str, int]:
    return work.workspace_id, work.delivery_id, work.token


async def test_a_renewed_lease_holds_longer(database: Database, endpoint_id: str, works: list[Work]) -> None:
    assert await database.hot.renew(works[:2], leased_until=at(CLAIMED + 60)) == set()
    claimed = await claim(database, endpoint_id, seconds=CLAIMED + 59)
    assert [work.delivery_id for work in claimed] == [works[2].delivery_id]
    row = await read_delivery(database, works[0].delivery_id)
    assert (row.lease_token, row.leased_until) == (works[0].token, at(CLAIMED + 60))


async def test_a_lapsed_lease_that_nobody_took_can_be_renewed(
    database: Database, endpoint_id: str, works: list[Work]
) -> None:
    assert await database.hot.renew(works, leased_until=at(CLAIMED + 60)) == set()
    assert await claim(database, endpoint_id, seconds=CLAIMED + 10) == []


async def test_only_the_holder_of_the_token_can_renew(database: Database, works: list[Work]) -> None:
    stranger = replaced(works[0], token=new_token())
    assert await database.hot.renew([stranger], leased_until=at(CLAIMED + 60)) == {stranger.delivery_id}
    assert (await read_delivery(database, stranger.delivery_id)).leased_until == at(CLAIMED) + LEASE


async def test_renewing_tells_what_another_has_claimed_meanwhile(
    database: Database, endpoint_id: str, works: list[Work]
) -> None:
    [taken] = await claim(database, endpoint_id, 1, seconds=CLAIMED + 5)
    assert await database.hot.renew(works, leased_until=at(CLAIMED + 60)) == {taken.delivery_id}
    row = await read_delivery(database, taken.delivery_id)
    assert (row.lease_token, row.leased_until) == (taken.token, taken.leased_until)


async def test_renewing_tells_what_was_settled_or_given_back(database: Database, works: list[Work]) -> None:
    await database.hot.settle([settlement(works[0])])
    await database.hot.release([lease_of(works[1])])
    lost = await database.hot.renew(works, leased_until=at(CLAIMED + 60))
    assert lost == {works[0].delivery_id, works[1].delivery_id}
    for work in works[:2]:
        row = await read_delivery(database, work.delivery_id)
        assert (row.lease_token, row.leased_until) == (None, None)


async def test_renewing_tells_what_was_cancelled_and_keeps_its_lease_for_the_attempt_in_flight(
    database: Database, works: list[Work]
) -> None:
    await change_delivery(database, works[0].delivery_id, status="cancelled")
    assert await database.hot.renew(works, leased_until=at(CLAIMED + 60)) == {works[0].delivery_id}
    assert await database.hot.settle([settlement(works[0])]) == 1


async def test_renewing_tells_what_does_not_exist(database: Database, works: list[Work]) -> None:
    ghosts = [replaced(works[0], delivery_id="dlv_ghost"), replaced(works[1], workspace_id="ws_other")]
    lost = await database.hot.renew(ghosts, leased_until=at(CLAIMED + 60))
    assert lost == {"dlv_ghost", works[1].delivery_id}
    assert (await read_delivery(database, works[1].delivery_id)).leased_until == at(CLAIMED) + LEASE


async def test_what_is_given_back_can_be_claimed_at_once(
    database: Database, endpoint_id: str, works: list[Work]
) -> None:
    await database.hot.release([lease_of(work) for work in works[:2]])
    claimed = await claim(database, endpoint_id, seconds=CLAIMED)
    assert [work.delivery_id for work in claimed] == [work.delivery_id for work in works[:2]]
    assert [work.number for work in claimed] == [1, 1]


async def test_only_the_holder_of_the_token_can_give_back(
    database: Database, endpoint_id: str, works: list[Work]
) -> None:
    workspace_id, delivery_id, token = lease_of(works[0])
    await database.hot.release([(workspace_id, delivery_id, new_token()), ("ws_other", delivery_id, token)])
    assert (await read_delivery(database, delivery_id)).lease_token == token
    assert await claim(database, endpoint_id, seconds=CLAIMED) == []


async def test_a_lease_given_back_does_not_settle(database: Database, works: list[Work]) -> None:
    await database.hot.release([lease_of(works[0])])
    assert await database.hot.settle([settlement(works[0])]) == 0


@pytest.mark.parametrize("number", [0, 1, 1000])
async def test_any_number_of_leases_is_renewed_and_given_back_in_one_call(
    database: Database, workspace_id: str, endpoint_id: str, number: int
) -> None:
    await publish_to(database, endpoint_id, number, workspace_id=workspace_id)
    works = await claim(database, endpoint_id, 2000)
    assert len(works) == number
    assert await database.hot.renew(works, leased_until=at(9000)) == set()
    assert await claim(database, endpoint_id, 2000, seconds=8999) == []
    await database.hot.release([lease_of(work) for work in works])
    assert len(await claim(database, endpoint_id, 2000)) == number


async def test_all_leases_end_at_once_and_the_former_holders_change_nothing(
    database: Database, workspace_id: str, endpoint_id: str, works: list[Work]
) -> None:
    event = new_event(workspace_id)
    born = new_delivery(event, endpoint_id)
    await publish(database, [event], [born], token=new_token(), leased_until=at(9000))
    await database.hot.void_leases()
    assert len(await claim(database, endpoint_id, seconds=CLAIMED)) == 4
    assert await database.hot.settle([settlement(work) for work in works]) == 0


async def test_ending_all_leases_leaves_what_has_ended_alone(database: Database, works: list[Work]) -> None:
    await database.hot.settle([settlement(works[0])])
    await database.hot.void_leases()
    row = await read_delivery(database, works[0].delivery_id)
    assert (row.status, row.attempt_count) == ("succeeded", 1)
