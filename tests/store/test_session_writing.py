"""What both databases promise of `write`: all that a lease's holder says, in one transaction, and nothing of others."""

import asyncio

import pytest

from app.store.database import Database
from app.store.hot.session_rows import ClaimedSession, NewRecord, StepState
from app.store.models import (
    Arrival,
    FinalOutcome,
    JournalEntry,
    LogEntry,
    Session,
    Signal,
    Step,
    TriggerSubscription,
)
from tests.opened import opened
from tests.store.rows import START, at
from tests.store.session_rows import (
    add_claimed,
    add_sessions,
    add_workflow,
    change,
    claim_sessions,
    count,
    ended,
    entry,
    new_outcome,
    new_receipt,
    new_signal,
    park,
    parked,
    publish_nothing,
    read_session,
    receive,
    rows_of,
    subscribe,
    write,
    writing,
)


@pytest.fixture
async def workflow_id(database: Database) -> str:
    return await add_workflow(database)


@pytest.fixture
async def session(database: Database, workflow_id: str) -> ClaimedSession:
    return await add_claimed(database, workflow_id)


async def test_the_log_is_written_under_the_numbers_given_and_its_length_kept(
    database: Database, session: ClaimedSession
) -> None:
    await write(database, session, log=[entry(1, "a"), entry(2, "b", kind="outcome", data='{"x":1}')])
    await write(database, session, log=[entry(3, "c")])
    rows = await rows_of(database, LogEntry, "seq")
    assert [(row.seq, row.kind, row.text, row.data) for row in rows] == [
        (1, "print", "a", None),
        (2, "outcome", "b", '{"x":1}'),
        (3, "print", "c", None),
    ]
    assert rows[0].at == entry(1).at
    assert (await read_session(database, session.id)).log_length == 3


async def test_records_are_kept_to_the_byte(database: Database, session: ClaimedSession) -> None:
    records = [
        NewRecord(1, "reading", "time.time", b"j1.5"),
        NewRecord(2, "step", "größe", bytes(range(256))),
    ]
    await write(database, session, records=records)
    rows = await rows_of(database, JournalEntry, "seq")
    assert [(row.session_id, row.seq, row.kind, row.name, row.result) for row in rows] == [
        (session.id, record.seq, record.kind, record.name, record.result) for record in records
    ]


async def test_a_step_is_there_once_as_it_is_now(database: Database, session: ClaimedSession) -> None:
    await write(database, session, steps=[StepState(1, "load", "running", START)])
    await write(
        database,
        session,
        steps=[StepState(2, "save", "running", at(1)), StepState(1, "load", "completed", START, 12)],
    )
    await write(
        database,
        session,
        steps=[StepState(2, "save", "running", at(1)), StepState(2, "save", "failed", at(1), 5, "no")],
    )
    rows = await rows_of(database, Step, "number")
    assert [
        (row.number, row.name, row.status, row.started_at, row.duration_ms, row.error) for row in rows
    ] == [
        (1, "load", "completed", START, 12, None),
        (2, "save", "failed", at(1), 5, "no"),
    ]


async def test_who_has_lost_the_lease_writes_nothing(database: Database, session: ClaimedSession) -> None:
    [taken] = await claim_sessions(database, seconds=1010)
    written = await write(
        database,
        session,
        log=[entry(1)],
        records=[NewRecord(1, "step", "a", b"j1")],
        steps=[StepState(1, "load", "running", START)],
        outcomes=[new_outcome("req_1", session.id)],
        signals=[new_signal(session.id)],
        change=ended(),
        forgets_waits=True,
    )
    assert (written.held, written.changed, written.late) == (False, False, frozenset())
    for model in (LogEntry, JournalEntry, Step, FinalOutcome, Signal):
        assert await count(database, model) == 0
    row = await read_session(database, session.id)
    assert (row.status, row.lease_token, row.log_length, row.wakes) == ("running", taken.token, 0, 0)


async def test_after_its_end_nothing_is_written_to_a_session(
    database: Database, session: ClaimedSession
) -> None:
    assert (await write(database, session, change=ended("failed", error="boom"))).changed
    assert not (await write(database, session, log=[entry(1)], change=ended())).held
    row = await read_session(database, session.id)
    assert (row.status, row.error, row.log_length) == ("failed", "boom", 0)


async def test_a_change_sets_what_it_names_and_keeps_the_first_outcome_text(
    database: Database, session: ClaimedSession
) -> None:
    await write(database, session, change=change("running", keeps_lease=True, outcome='{"a":1}', wait="{}"))
    row = await read_session(database, session.id)
    assert (row.lease_token, row.leased_until, row.wait, row.outcome) == (
        session.token,
        at(1005),
        "{}",
        '{"a":1}',
    )
    last = ended(result="[1]", custom_data='{"k":2}', active_seconds=3.5, deaths=1)
    assert (await write(database, session, change=last)).changed
    row = await read_session(database, session.id)
    assert (row.status, row.result, row.custom_data, row.outcome) == (
        "completed",
        "[1]",
        '{"k":2}',
        '{"a":1}',
    )
    assert (row.active_seconds, row.deaths, row.wait, row.finished_at) == (3.5, 1, None, at(2000))
    assert (row.leased_until, row.due_at) == (None, None)


async def test_a_session_parks_only_if_nobody_has_woken_it(
    database: Database, session: ClaimedSession
) -> None:
    written = await write(database, session, log=[entry(1)], change=parked(session, wakes=7))
    assert (written.held, written.changed) == (True, False)
    row = await read_session(database, session.id)
    assert (row.status, row.leased_until, row.log_length) == ("running", at(1005), 1)
    assert await park(database, session, due_at=at(1100), wait="{}")
    row = await read_session(database, session.id)
    assert (row.status, row.leased_until, row.due_at, row.wait) == ("waiting", None, at(1100), "{}")


async def test_the_first_answer_stays_and_later_ones_are_told_that_they_are_late(
    database: Database, workflow_id: str
) -> None:
    first, second = await add_claimed(database, workflow_id), await add_claimed(database, workflow_id)
    assert (await write(database, first, outcomes=[new_outcome("req_1", first.id)])).late == frozenset()
    outcomes = [new_outcome("req_1", second.id, body=b"later"), new_outcome("req_2", second.id)]
    assert (await write(database, second, outcomes=outcomes)).late == {"req_1"}
    rows = await rows_of(database, FinalOutcome, "request_id")
    assert [(row.request_id, row.session_id, row.body) for row in rows] == [
        ("req_1", first.id, b"ok"),
        ("req_2", second.id, b"ok"),
    ]


async def test_of_two_sessions_in_one_commit_one_answers_first(database: Database, workflow_id: str) -> None:
    sessions = [await add_claimed(database, workflow_id) for _ in range(2)]
    results = await database.sessions.write(
        [writing(session, outcomes=[new_outcome("req_1", session.id)]) for session in sessions],
        publish=publish_nothing,
    )
    assert [written.late for written in results] == [frozenset(), {"req_1"}]
    [row] = await rows_of(database, FinalOutcome)
    assert row.session_id == sessions[0].id


async def test_an_outcome_is_stored_as_it_is(database: Database, session: ClaimedSession) -> None:
    outcome = new_outcome(
        "req_1", session.id, status_code=418, headers=b'[["X","1"]]', body=bytes(range(256)), created_at=at(1)
    )
    await write(database, session, outcomes=[outcome])
    [row] = await rows_of(database, FinalOutcome)
    assert (row.status_code, row.headers, row.body, row.created_at) == (
        418,
        b'[["X","1"]]',
        bytes(range(256)),
        at(1),
    )


async def test_the_end_of_a_session_forgets_what_it_waited_for_and_nothing_of_others(
    database: Database, workflow_id: str
) -> None:
    sessions = [await add_claimed(database, workflow_id) for _ in range(2)]
    for session in sessions:
        await subscribe(database, session.id, workflow_id)
        await write(
            database,
            session,
            records=[NewRecord(1, "step", "a", b"j1")],
            signals=[new_signal(session.id)],
            log=[entry(1)],
        )
    await receive(database, new_receipt(workflow_id))
    assert await count(database, Arrival) == 2
    await write(database, sessions[0], change=ended(), forgets_waits=True)
    [subscription] = await rows_of(database, TriggerSubscription)
    assert subscription.session_id == sessions[1].id
    assert [row.subscription_id for row in await rows_of(database, Arrival)] == [subscription.id]
    for model in (JournalEntry, Signal):
        assert [row.session_id for row in await rows_of(database, model)] == [sessions[1].id]
    assert await count(database, LogEntry) == 2


async def test_a_signal_is_kept_and_wakes_the_session_it_is_for(database: Database, workflow_id: str) -> None:
    sender, receiver = await add_claimed(database, workflow_id), await add_claimed(database, workflow_id)
    assert await park(database, receiver)
    signal = new_signal(receiver.id, name="approved", payload='{"by":"me"}')
    await write(database, sender, signals=[signal])
    [row] = await rows_of(database, Signal)
    assert (row.id, row.session_id, row.name, row.payload) == (
        signal.id,
        receiver.id,
        "approved",
        '{"by":"me"}',
    )
    woken = await read_session(database, receiver.id)
    assert (woken.wakes, woken.due_at, woken.leased_until) == (1, signal.created_at, None)


async def test_several_signals_in_one_commit_are_all_kept(database: Database, workflow_id: str) -> None:
    receivers = await add_sessions(database, workflow_id, 3)
    senders = await claim_sessions(database)
    await database.sessions.write(
        [writing(sender, signals=[new_signal(receiver) for receiver in receivers]) for sender in senders],
        publish=publish_nothing,
    )
    assert await count(database, Signal) == 9
    assert {row.wakes for row in await rows_of(database, Session)} == {3}


async def test_a_writing_of_a_stranger_hurts_nobody_else_in_the_commit(
    database: Database, workflow_id: str
) -> None:
    lost, held = await add_claimed(database, workflow_id), await add_claimed(database, workflow_id)
    lost.token += 1_000_000
    results = await database.sessions.write(
        [writing(lost, log=[entry(1)]), writing(held, log=[entry(1)], change=ended())],
        publish=publish_nothing,
    )
    assert [(written.held, written.changed) for written in results] == [(False, False), (True, True)]
    assert [row.session_id for row in await rows_of(database, LogEntry)] == [held.id]
    assert await database.sessions.write([], publish=publish_nothing) == []


async def test_a_writing_that_is_repeated_because_its_commit_went_unnoticed_changes_nothing(
    database: Database, session: ClaimedSession
) -> None:
    """The database may be lost between its commit and its answer; then the same writing comes again."""
    members = {
        "log": [entry(1)],
        "records": [NewRecord(1, "step", "a", b"j1")],
        "steps": [StepState(1, "load", "running", START)],
        "outcomes": [new_outcome("req_1", session.id)],
        "signals": [new_signal(session.id)],
    }
    for _ in range(2):
        written = await write(database, session, **members)
        assert (written.held, written.late) == (True, frozenset())
    for model in (LogEntry, JournalEntry, Step, FinalOutcome, Signal):
        assert await count(database, model) == 1


async def test_a_second_answer_of_the_same_session_is_late_as_well(
    database: Database, session: ClaimedSession
) -> None:
    await write(database, session, outcomes=[new_outcome("req_1", session.id)])
    again = new_outcome("req_1", session.id, body=b"second", created_at=at(1))
    assert (await write(database, session, outcomes=[again])).late == {"req_1"}
    [row] = await rows_of(database, FinalOutcome)
    assert row.body == b"ok"


async def test_sessions_that_signal_each_other_at_once_do_not_block_each_other(
    database: Database, database_url: str, workflow_id: str
) -> None:
    """Each would hold its own row and wait for the other's, were rows not taken in one order."""
    await add_sessions(database, workflow_id, 40)
    sessions = await claim_sessions(database)
    async with opened(database_url) as other:
        for round_ in range(1, 6):
            pairs = zip(sessions, reversed(sessions), strict=True)
            await asyncio.gather(
                *(
                    (database, other)[place % 2].sessions.write(
                        [writing(one, log=[entry(round_)], signals=[new_signal(two.id)])],
                        publish=publish_nothing,
                    )
                    for place, (one, two) in enumerate(pairs)
                )
            )
    assert await count(database, Signal) == 200
    assert {row.wakes for row in await rows_of(database, Session)} == {5}


async def test_answers_that_cross_do_not_block_each_other(
    database: Database, database_url: str, workflow_id: str
) -> None:
    await add_sessions(database, workflow_id, 20)
    sessions = await claim_sessions(database)
    requests = [f"req_{number}" for number in range(30)]
    async with opened(database_url) as other:
        results = await asyncio.gather(
            *(
                write(
                    (database, other)[place % 2],
                    session,
                    outcomes=[
                        new_outcome(id_, session.id) for id_ in requests[:: 1 if place % 4 < 2 else -1]
                    ],
                )
                for place, session in enumerate(sessions)
            )
        )
    assert await count(database, FinalOutcome) == 30
    assert sum(len(written.late) for written in results) == 19 * 30
