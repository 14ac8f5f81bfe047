"""What both databases promise of `settle`: only the lease's holder counts, and each attempt is recorded once."""

import asyncio
import sqlite3
from datetime import timedelta

import asyncpg
import msgspec
import pytest

from app.store.database import Database, is_away
from app.store.hot.contract import Work
from tests.store.rows import (
    START,
    add_endpoint,
    add_workspace,
    at,
    change_delivery,
    claim,
    failed_for_now,
    publish_to,
    read_attempts,
    read_delivery,
    replaced,
    settlement,
)

# What the two drivers raise for values that do not fit.
UNFIT = (TypeError, ValueError, AttributeError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError)

# What of a settlement is not the attempt's.
DELIVERY_MEMBERS = {"token", "status", "reason", "due_at", "finished_at"}


@pytest.fixture
async def workspace_id(database: Database) -> str:
    return await add_workspace(database)


@pytest.fixture
async def endpoint_id(database: Database, workspace_id: str) -> str:
    return await add_endpoint(database, workspace_id)


@pytest.fixture
async def work(database: Database, workspace_id: str, endpoint_id: str) -> Work:
    await publish_to(database, endpoint_id, workspace_id=workspace_id)
    [claimed] = await claim(database, endpoint_id)
    return claimed


async def test_an_attempt_is_recorded_and_its_delivery_moved_on(database: Database, work: Work) -> None:
    assert await database.hot.settle([settlement(work)]) == 1
    row = await read_delivery(database, work.delivery_id)
    assert (row.status, row.reason, row.attempt_count) == ("succeeded", None, 1)
    assert (row.first_attempt_at, row.finished_at) == (at(1999), at(2000))
    assert (row.leased_until, row.lease_token) == (None, None)
    [attempt] = await read_attempts(database, work.delivery_id)
    assert (attempt.number, attempt.result, attempt.workspace_id) == (1, "2xx", work.workspace_id)


async def test_every_member_of_an_attempt_is_kept_exactly(database: Database, work: Work) -> None:
    given = settlement(
        work,
        started_at=START.replace(microsecond=999_999),
        result="timeout",
        error='Zeit abgelaufen: 漢字 🎈, "quoted", \\ and \t',
        status_code=599,
        connect_ms=0.1,
        tls_ms=2.5,
        first_byte_ms=1e-9,
        duration_ms=123456.789,
        peer="[2001:db8::1]:443",
        key_id="sec_2",
        request_headers=b"X-Latin: \xe4\xf6\r\n",
        response_headers=bytes(range(256)),
        response_body=bytes(range(255, -1, -1)) * 64,
        response_truncated=True,
    )
    await database.hot.settle([given])
    [attempt] = await read_attempts(database, work.delivery_id)
    for name, value in msgspec.structs.asdict(given).items():
        if name not in DELIVERY_MEMBERS:
            assert getattr(attempt, name) == value, name


async def test_what_an_attempt_lacks_stays_empty(database: Database, work: Work) -> None:
    absent = ("error", "status_code", "connect_ms", "tls_ms", "first_byte_ms", "peer", "key_id")
    await database.hot.settle(
        [
            settlement(
                work, **dict.fromkeys(absent), request_headers=b"", response_headers=b"", response_body=b""
            )
        ]
    )
    [attempt] = await read_attempts(database, work.delivery_id)
    assert {getattr(attempt, name) for name in absent} == {None}
    assert (attempt.request_headers, attempt.response_headers, attempt.response_body) == (b"", b"", b"")


async def test_a_failure_that_is_retried_leaves_the_delivery_pending_until_it_is_due(
    database: Database, work: Work
) -> None:
    due_at = at(3000) + timedelta(microseconds=1)
    await database.hot.settle([failed_for_now(work, due_at=due_at)])
    row = await read_delivery(database, work.delivery_id)
    assert (row.status, row.due_at, row.finished_at, row.attempt_count) == ("pending", due_at, None, 1)
    assert (row.leased_until, row.lease_token) == (None, None)


async def test_the_time_of_the_first_attempt_stays(database: Database, work: Work) -> None:
    await database.hot.settle([failed_for_now(work, due_at=at(3000))])
    [second] = await claim(database, work.endpoint_id, seconds=3000)
    await database.hot.settle([settlement(second, started_at=at(3001))])
    assert (await read_delivery(database, work.delivery_id)).first_attempt_at == at(1999)


async def test_attempts_are_numbered_without_gaps_and_the_delivery_counts_them(
    database: Database, work: Work
) -> None:
    endpoint_id, delivery_id = work.endpoint_id, work.delivery_id
    for round_ in range(1, 6):
        await database.hot.settle([failed_for_now(work, due_at=at(1000 + 10 * round_))])
        [work] = await claim(database, endpoint_id, seconds=1000 + 10 * round_)
    await database.hot.settle([settlement(work)])
    attempts = await read_attempts(database, delivery_id)
    assert [attempt.number for attempt in attempts] == [1, 2, 3, 4, 5, 6]
    assert (await read_delivery(database, delivery_id)).attempt_count == 6


async def test_without_the_lease_nothing_changes(database: Database, work: Work) -> None:
    assert await database.hot.settle([settlement(replaced(work, token=work.token + 1_000_000))]) == 0
    row = await read_delivery(database, work.delivery_id)
    assert (row.status, row.lease_token, row.attempt_count) == ("pending", work.token, 0)
    assert await read_attempts(database, work.delivery_id) == []


async def test_a_lease_that_another_has_taken_over_does_not_count_any_more(
    database: Database, work: Work
) -> None:
    [second] = await claim(database, work.endpoint_id, seconds=1005)
    assert await database.hot.settle([settlement(work)]) == 0
    assert await read_attempts(database, work.delivery_id) == []
    assert await database.hot.settle([settlement(second, status="failed", reason="aborted")]) == 1
    assert (await read_delivery(database, work.delivery_id)).status == "failed"


async def test_a_lease_that_has_lapsed_counts_until_another_takes_it(database: Database, work: Work) -> None:
    """Nothing was lost yet, and recording the attempt spares its receiver another."""
    assert await database.hot.settle([settlement(work, started_at=at(5000), finished_at=at(5001))]) == 1
    assert (await read_delivery(database, work.delivery_id)).status == "succeeded"


async def test_the_same_result_twice_is_recorded_once(database: Database, work: Work) -> None:
    assert await database.hot.settle([settlement(work)]) == 1
    assert await database.hot.settle([settlement(work, status="failed")]) == 0
    assert (await read_delivery(database, work.delivery_id)).status == "succeeded"
    assert len(await read_attempts(database, work.delivery_id)) == 1


async def test_of_two_results_for_one_delivery_in_one_batch_only_the_holders_counts(
    database: Database, work: Work
) -> None:
    """A process that lost a lease and got the delivery once more may settle both attempts together."""
    [second] = await claim(database, work.endpoint_id, seconds=1005)
    late, good = settlement(work, status="failed", result="5xx"), settlement(second)
    assert await database.hot.settle([late, good]) == 1
    assert (await read_delivery(database, work.delivery_id)).status == "succeeded"
    assert [attempt.result for attempt in await read_attempts(database, work.delivery_id)] == ["2xx"]


async def test_a_delivery_cancelled_in_flight_stays_cancelled_and_its_attempt_is_recorded(
    database: Database, work: Work
) -> None:
    await change_delivery(
        database, work.delivery_id, status="cancelled", reason="cancelled", finished_at=at(1500)
    )
    assert await database.hot.settle([settlement(work)]) == 1
    row = await read_delivery(database, work.delivery_id)
    assert (row.status, row.reason, row.finished_at) == ("cancelled", "cancelled", at(1500))
    assert (row.attempt_count, row.lease_token, row.leased_until) == (1, None, None)
    assert (row.due_at, row.first_attempt_at) == (START, at(1999))
    assert len(await read_attempts(database, work.delivery_id)) == 1


async def test_another_workspaces_delivery_is_not_touched(database: Database, work: Work) -> None:
    assert await database.hot.settle([settlement(replaced(work, workspace_id="ws_other"))]) == 0
    assert (await read_delivery(database, work.delivery_id)).status == "pending"


@pytest.mark.parametrize("number", [0, 1, 63, 64, 65, 1000])
async def test_a_batch_of_any_length_is_settled(
    database: Database, workspace_id: str, endpoint_id: str, number: int
) -> None:
    await publish_to(database, endpoint_id, number, workspace_id=workspace_id)
    works = await claim(database, endpoint_id, 2000)
    assert len(works) == number
    lost = [replaced(work, token=work.token + 1_000_000) for work in works[::10]]
    batch = [settlement(w, response_body=w.delivery_id.encode()) for w in works if works.index(w) % 10]
    assert await database.hot.settle([settlement(work) for work in lost] + batch) == len(batch)
    for place, work in list(enumerate(works))[:: max(1, number // 20)]:
        attempts = await read_attempts(database, work.delivery_id)
        assert [a.response_body for a in attempts] == ([work.delivery_id.encode()] if place % 10 else [])


@pytest.mark.parametrize(
    "unfit",
    [{"error": "a lone surrogate: \ud800"}, {"number": 2**70}, {"started_at": None}, {"result": None}],
    ids=["text that is no UTF-8", "a number too large", "no time", "no result"],
)
async def test_a_result_that_does_not_fit_is_our_mistake_and_leaves_its_batch_unsettled(
    database: Database, workspace_id: str, endpoint_id: str, unfit: dict[str, object]
) -> None:
    await publish_to(database, endpoint_id, 2, workspace_id=workspace_id)
    works = await claim(database, endpoint_id)
    with pytest.raises(UNFIT) as caught:
        await database.hot.settle([settlement(works[0]), settlement(works[1], **unfit)])
    assert not is_away(caught.value)
    assert (await read_delivery(database, works[0].delivery_id)).status == "pending"
    assert await read_attempts(database, works[0].delivery_id) == []
    assert await database.hot.settle([settlement(works[0])]) == 1


async def test_settling_and_renewing_the_same_deliveries_in_opposite_orders_do_not_block_each_other(
    database: Database, workspace_id: str, endpoint_id: str
) -> None:
    await publish_to(database, endpoint_id, 300, workspace_id=workspace_id)
    works = await claim(database, endpoint_id, 300)
    for _ in range(10):
        half = works[:150]
        await asyncio.gather(
            database.hot.settle([failed_for_now(work, due_at=at(1000)) for work in half]),
            database.hot.renew(works[::-1], leased_until=at(2000)),
            database.hot.release([(w.workspace_id, w.delivery_id, w.token) for w in works[:150:-1]]),
            database.hot.renew(works, leased_until=at(2000)),
        )
        await database.hot.release([(w.workspace_id, w.delivery_id, w.token) for w in works])
        works = await claim(database, endpoint_id, 300)
        assert len(works) == 300
