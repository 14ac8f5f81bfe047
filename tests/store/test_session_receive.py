"""What both databases promise of `receive`: a request with its session, handed to whoever waits, or nothing of it."""

import asyncio

import pytest

from app.store.database import Database
from app.store.hot.session_rows import NewRequest, Receipt
from app.store.models import Arrival, ReceivedRequest, Session
from tests.store.rows import LEASE, START, at, new_token
from tests.store.session_rows import (
    add_claimed,
    add_sessions,
    add_workflow,
    change_session,
    change_workflow,
    claim_sessions,
    count,
    new_receipt,
    new_request,
    new_session,
    park,
    publish_nothing,
    read_session,
    receive,
    rows_of,
    subscribe,
    trigger_of,
    write,
)
from tests.store.session_rows import ended as end


@pytest.fixture
async def workflow_id(database: Database) -> str:
    return await add_workflow(database)


async def test_a_request_is_written_as_it_came(database: Database, workflow_id: str) -> None:
    request = new_request(
        workflow_id,
        method="BREW",
        raw_url="/webhooks/slug/%2e%2e/a?b=%00",
        suffix="../a",
        headers=b'[["X-Name","caf\\u00e9"],["X-Name","2"]]',
        body=bytes(range(256)),
        received_at=at(0.000001),
        reason="the filter says no",
    )
    assert await receive(database, Receipt(request, None, 1)) == ({request.id}, [])
    [row] = await rows_of(database, ReceivedRequest)
    names = (
        "id",
        "workflow_id",
        "trigger_id",
        "method",
        "raw_url",
        "suffix",
        "headers",
        "body",
        "received_at",
    )
    assert [getattr(row, name) for name in names] == [getattr(request, name) for name in names]
    assert (row.peer, row.reason, row.session_id) == ("127.0.0.1", "the filter says no", None)
    assert await count(database, Session) == 0


async def test_a_session_is_born_due_at_once_and_free_for_any_worker(
    database: Database, workflow_id: str
) -> None:
    receipt = new_receipt(workflow_id, is_durable=True, memo='{"a":1}', input='{"data":{}}')
    assert receipt.session is not None
    await receive(database, receipt)
    row = await read_session(database, receipt.session.id)
    assert (row.status, row.attempt, row.deaths, row.wakes, row.log_length) == ("created", 0, 0, 0, 0)
    assert (row.due_at, row.created_at, row.started_at, row.finished_at) == (START, START, None, None)
    assert (row.leased_until, row.lease_token, row.stop_forced, row.stopping_at) == (None, None, False, None)
    assert (row.is_durable, row.is_sync, row.request_id) == (True, False, receipt.request.id)
    assert (row.memo, row.input, row.call) == ({"a": 1}, '{"data":{}}', "program.py:on_event")


async def test_a_session_born_leased_runs_and_is_nobody_elses_until_the_lease_ends(
    database: Database, workflow_id: str
) -> None:
    token = new_token()
    receipt = new_receipt(workflow_id, is_sync=True, lease_token=token, leased_until=START + LEASE)
    assert receipt.session is not None
    await receive(database, receipt)
    row = await read_session(database, receipt.session.id)
    assert (row.status, row.attempt, row.started_at) == ("running", 1, START)
    assert (row.lease_token, row.leased_until) == (token, START + LEASE)
    assert await claim_sessions(database, seconds=4.9) == []
    [claimed] = await claim_sessions(database, seconds=5)
    assert (claimed.id, claimed.attempt) == (row.id, 2)


@pytest.mark.parametrize("version", [0, 2], ids=["older", "newer"])
async def test_a_request_judged_by_another_version_of_the_workflow_is_not_written(
    database: Database, workflow_id: str, version: int
) -> None:
    waiting = await add_claimed(database, workflow_id)
    await subscribe(database, waiting.id, workflow_id)
    before = await count(database, ReceivedRequest)
    assert await receive(database, new_receipt(workflow_id, version=version)) == (set(), [])
    assert await count(database, ReceivedRequest) == before
    assert (await count(database, Session), await count(database, Arrival)) == (1, 0)
    assert (await read_session(database, waiting.id)).wakes == 0


@pytest.mark.parametrize("members", [{"enabled": False}, {"deleted_at": START}], ids=["disabled", "deleted"])
async def test_a_workflow_that_is_off_takes_no_request(
    database: Database, workflow_id: str, members: dict[str, object]
) -> None:
    await change_workflow(database, workflow_id, **members)
    assert await receive(database, new_receipt(workflow_id)) == (set(), [])
    assert (await count(database, ReceivedRequest), await count(database, Session)) == (0, 0)


async def test_a_request_to_an_unknown_workflow_is_not_written(database: Database) -> None:
    assert await receive(database, new_receipt("wf_nowhere")) == (set(), [])
    assert await receive(database) == (set(), [])


async def test_of_several_in_one_commit_only_those_are_written_that_may_be(
    database: Database, workflow_id: str
) -> None:
    changed, disabled = await add_workflow(database, version=2), await add_workflow(database, enabled=False)
    good = [new_receipt(workflow_id, seconds=place) for place in range(3)]
    written, woken = await receive(
        database, good[0], new_receipt(changed), good[1], new_receipt(disabled), good[2]
    )
    assert (written, woken) == ({receipt.request.id for receipt in good}, [])
    requests = await rows_of(database, ReceivedRequest, "id")
    assert [row.id for row in requests] == [receipt.request.id for receipt in good]
    sessions = await rows_of(database, Session, "id")
    assert {row.request_id for row in sessions} == written


async def test_a_request_reaches_exactly_the_subscriptions_that_it_fits(
    database: Database, workflow_id: str
) -> None:
    other_workflow_id = await add_workflow(database)
    first, second = await add_sessions(database, workflow_id, 2)
    fitting = [await subscribe(database, session_id, workflow_id) for session_id in (first, first)]
    await subscribe(database, first, workflow_id, filter_text="no")
    await subscribe(database, second, workflow_id, filter_text="no")
    await subscribe(database, second, other_workflow_id)
    request = new_request(workflow_id)
    assert await receive(database, Receipt(request, None, 1)) == ({request.id}, [first])
    arrivals = await rows_of(database, Arrival, "subscription_id")
    assert [(row.subscription_id, row.request_id) for row in arrivals] == [
        (subscription_id, request.id) for subscription_id in sorted(fitting)
    ]
    assert [(await read_session(database, id_)).wakes for id_ in (first, second)] == [1, 0]


async def test_a_filter_is_judged_with_the_request_that_came(database: Database, workflow_id: str) -> None:
    [session_id] = await add_sessions(database, workflow_id)
    await subscribe(database, session_id, workflow_id, filter_text="data.body.json.number == 7")
    judged: list[tuple[str, str]] = []

    def judge(request: NewRequest, filter_text: str) -> bool:
        judged.append((request.id, filter_text))
        return request.body == b"7"

    requests = [new_request(workflow_id, body=b"%d" % number) for number in (6, 7)]
    receipts = [Receipt(request, None, 1) for request in requests]
    _, woken = await database.sessions.receive(receipts, judge=judge, publish=publish_nothing)
    assert woken == [session_id]
    assert set(judged) == {(request.id, "data.body.json.number == 7") for request in requests}
    assert [row.request_id for row in await rows_of(database, Arrival)] == [requests[1].id]


async def test_several_requests_in_one_commit_all_arrive(database: Database, workflow_id: str) -> None:
    sessions = await add_sessions(database, workflow_id, 3)
    for session_id in sessions:
        await subscribe(database, session_id, workflow_id)
    requests = [new_request(workflow_id, received_at=at(place)) for place in range(5)]
    _, woken = await receive(database, *(Receipt(request, None, 1) for request in requests))
    assert woken == sorted(sessions)
    assert await count(database, Arrival) == 15


async def test_a_parked_session_becomes_due_when_its_request_comes(
    database: Database, workflow_id: str
) -> None:
    session = await add_claimed(database, workflow_id)
    await subscribe(database, session.id, workflow_id)
    assert await park(database, session)
    assert await claim_sessions(database, seconds=5000) == []
    await receive(database, Receipt(new_request(workflow_id, received_at=at(6000)), None, 1))
    assert (await read_session(database, session.id)).due_at == at(6000)
    [again] = await claim_sessions(database, seconds=6000)
    assert (again.id, again.attempt, again.wakes) == (session.id, 2, 1)


async def test_a_session_that_runs_or_waits_in_its_process_is_woken_but_keeps_its_time(
    database: Database, workflow_id: str
) -> None:
    running, waiting = await add_claimed(database, workflow_id), await add_claimed(database, workflow_id)
    await change_session(database, waiting.id, status="waiting")
    for session in (running, waiting):
        await subscribe(database, session.id, workflow_id)
    due = [(await read_session(database, session.id)).due_at for session in (running, waiting)]
    await receive(database, Receipt(new_request(workflow_id, received_at=at(1001)), None, 1))
    rows = [await read_session(database, session.id) for session in (running, waiting)]
    assert [row.due_at for row in rows] == due
    assert [row.wakes for row in rows] == [1, 1]
    assert [row.lease_token for row in rows] == [running.token, waiting.token]


async def test_a_session_that_has_ended_is_not_woken(database: Database, workflow_id: str) -> None:
    session = await add_claimed(database, workflow_id)
    await write(database, session, change=end())
    await subscribe(database, session.id, workflow_id)
    await receive(database, Receipt(new_request(workflow_id), None, 1))
    row = await read_session(database, session.id)
    assert (row.wakes, row.due_at, row.status) == (0, None, "completed")


async def test_a_session_may_subscribe_to_the_trigger_that_started_it_without_getting_its_own_request(
    database: Database, workflow_id: str
) -> None:
    receipt = new_receipt(workflow_id)
    assert receipt.session is not None
    await receive(database, receipt)
    await subscribe(database, receipt.session.id, workflow_id)
    second = new_request(workflow_id)
    await receive(database, Receipt(second, new_session(second), 1))
    assert [row.request_id for row in await rows_of(database, Arrival)] == [second.id]


async def test_requests_that_come_at_once_to_the_same_waiting_sessions_do_not_block_each_other(
    database: Database, workflow_id: str
) -> None:
    sessions = await add_sessions(database, workflow_id, 40)
    # The subscriptions are in another order than the sessions.
    for session_id in [*sessions[20:], *sessions[:20]]:
        await subscribe(database, session_id, workflow_id)
    answers = await asyncio.gather(
        *(receive(database, Receipt(new_request(workflow_id), None, 1)) for _ in range(12))
    )
    assert all(woken == sorted(sessions) for _, woken in answers)
    assert await count(database, Arrival) == 12 * 40
    assert {row.wakes for row in await rows_of(database, Session)} == {12}


async def test_a_repetition_of_a_keyed_request_starts_nothing(database: Database, workflow_id: str) -> None:
    def keyed(seconds: float) -> Receipt:
        request = new_request(workflow_id, dedupe_key="k" * 64, received_at=at(seconds))
        return Receipt(request, new_session(request), 1)

    waiting = await add_claimed(database, workflow_id)
    await subscribe(database, waiting.id, workflow_id)
    first, second, third = keyed(0), keyed(1), keyed(86_401)
    assert await receive(database, first, second) == ({first.request.id}, [waiting.id])
    assert await receive(database, keyed(2)) == (set(), [])
    assert await count(database, Arrival) == 1
    assert (await receive(database, third))[0] == {third.request.id}
    triggers = {row.trigger_id for row in await rows_of(database, ReceivedRequest)}
    assert triggers == {trigger_of(workflow_id)}
