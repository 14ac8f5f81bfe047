"""What a session left that has run before."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.sql.elements import ColumnElement

from app.runner.session_log import SPOKEN, TRUNCATED
from app.store.database import Database, Tx
from app.store.hot.session_rows import ClaimedSession, StepState
from app.store.models import FinalOutcome, JournalEntry, LogEntry, Session, Step


@dataclass(frozen=True, slots=True)
class Past:
    """What was written of a session by those who performed it before.

    `records` are (kind, name, result) in order, and `prints` is the number of lines that its handler printed; a
    session that keeps no journal has neither. `outcome` is what it answered, as it is shown. Its log has `characters`
    of what it said itself, and is cut if that was too much.
    """

    records: Sequence[tuple[str, str, str]] = ()
    prints: int = 0
    steps: Sequence[StepState] = ()
    outcome: str | None = None
    is_answered: bool = False
    characters: int = 0
    is_log_cut: bool = False


async def read_past(database: Database, session: ClaimedSession) -> Past:
    """Return the past of a claimed session.

    Raises:
        Unavailable: the database is away.
    """
    if session.attempt <= 1:
        return Past()
    async with database.read() as tx:
        # In one statement, because ten thousand sessions may be woken at once.
        found = await tx.execute(
            select(
                Session.outcome,
                is_answered(session.request_id),
                count_prints(session.id),
                exists_step(session.id),
                count_characters(session.id),
                is_log_cut(session.id),
            ).where(Session.id == session.id)
        )
        outcome, answered, prints, has_steps, characters, is_cut = found.one()
        return Past(
            records=await read_records(tx, session.id) if session.is_durable else (),
            prints=prints if session.is_durable else 0,
            steps=await read_steps(tx, session.id) if has_steps else (),
            outcome=outcome,
            is_answered=answered,
            characters=characters,
            is_log_cut=is_cut,
        )


async def read_records(tx: Tx, session_id: str) -> list[tuple[str, str, str]]:
    """Return the journal in order."""
    rows = await tx.execute(
        select(JournalEntry.kind, JournalEntry.name, JournalEntry.result)
        .where(JournalEntry.session_id == session_id)
        .order_by(JournalEntry.seq)
    )
    return [(row.kind, row.name, row.result.decode()) for row in rows]


async def read_steps(tx: Tx, session_id: str) -> list[StepState]:
    """Return the steps in order."""
    rows = await tx.scalars(select(Step).where(Step.session_id == session_id).order_by(Step.number))
    return [
        StepState(row.number, row.name, row.status, row.started_at, row.duration_ms, row.error)
        for row in rows
    ]


def count_prints(session_id: str) -> ColumnElement[int]:
    """Count the lines that the handler printed, without those of the loading of its file, which have data."""
    return (
        select(func.count())
        .select_from(LogEntry)
        .where(LogEntry.session_id == session_id, LogEntry.kind == "print", LogEntry.data.is_(None))
        .scalar_subquery()
    )


def count_characters(session_id: str) -> ColumnElement[int]:
    """Count the characters of what the session said itself, as its log does."""
    length = func.coalesce(func.length(LogEntry.text), 0) + func.coalesce(func.length(LogEntry.data), 0)
    return (
        select(func.coalesce(func.sum(length), 0))
        .where(LogEntry.session_id == session_id, LogEntry.kind.in_(SPOKEN))
        .scalar_subquery()
    )


def is_log_cut(session_id: str) -> ColumnElement[bool]:
    """Whether the session has said too much already."""
    return exists().where(LogEntry.session_id == session_id, LogEntry.text == TRUNCATED)


def exists_step(session_id: str) -> ColumnElement[bool]:
    """Whether a session has begun a step."""
    return exists().where(Step.session_id == session_id)


def is_answered(request_id: str | None) -> ColumnElement[bool]:
    """Whether a request has its answer."""
    return exists().where(FinalOutcome.request_id == request_id)
