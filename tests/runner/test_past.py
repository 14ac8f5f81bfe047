"""What a session that is taken up again finds of those who performed it before."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from app.runner.past import Past, read_past
from app.runner.session_log import SessionLog
from app.store.database import Database
from app.store.hot.session_rows import ClaimedSession, NewRecord, StepState
from tests.opened import empty, fresh_database, opened
from tests.store.rows import START, at
from tests.store.session_rows import (
    add_claimed,
    add_workflow,
    claim_sessions,
    entry,
    new_outcome,
    write,
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        await empty(database)
        yield database


async def taken_up_again(database: Database, session: ClaimedSession) -> ClaimedSession:
    """Return a session as whoever claims it after its lease gets it."""
    [again] = [one for one in await claim_sessions(database, seconds=2000) if one.id == session.id]
    return again


async def test_a_session_that_runs_for_the_first_time_has_no_past(database: Database) -> None:
    session = await add_claimed(database, await add_workflow(database))
    assert await read_past(database, session) == Past()


async def test_a_session_finds_what_it_did(database: Database) -> None:
    session = await add_claimed(database, await add_workflow(database), is_durable=True)
    steps = [StepState(1, "load", "completed", START, 5), StepState(2, "save", "running", at(1))]
    await write(
        database,
        session,
        log=[
            entry(1, "running", kind="state"),
            entry(2, "loading", data='{"loading": true}'),
            entry(3, "größer"),
            entry(4, ""),
        ],
        records=[NewRecord(2, "step", "save", b"j2"), NewRecord(1, "step", "load", b"j1")],
        steps=steps,
        outcomes=[new_outcome(session.request_id or "", session.id)],
        outcome='{"status_code": 200}',
    )
    past = await read_past(database, await taken_up_again(database, session))
    assert list(past.records) == [("step", "load", "j1"), ("step", "save", "j2")]
    assert (past.prints, past.outcome, past.is_answered) == (2, '{"status_code": 200}', True)
    assert list(past.steps) == steps
    assert (past.characters, past.is_log_cut) == (len("loading" + '{"loading": true}' + "größer"), False)


async def test_a_session_without_a_journal_says_everything_again(database: Database) -> None:
    session = await add_claimed(database, await add_workflow(database))
    await write(database, session, log=[entry(1, "said")])
    past = await read_past(database, await taken_up_again(database, session))
    assert (past.records, past.prints, past.is_answered, past.steps) == ((), 0, False, ())


async def test_a_log_that_was_cut_stays_so(database: Database) -> None:
    session = await add_claimed(database, await add_workflow(database), is_durable=True)
    log = SessionLog(0, lambda: START + timedelta(seconds=1))
    for _ in range(20):
        await write(database, session, log=log.add("print", "x" * 65_536))
    past = await read_past(database, await taken_up_again(database, session))
    assert past.is_log_cut
    assert past.characters >= 16 * 65_536
    assert past.prints == 17
