"""What a session left that has run before."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select

from app.store.database import Database, Tx
from app.store.hot.session_rows import ClaimedSession, StepState
from app.store.models import FinalOutcome, JournalEntry, LogEntry, Session, Step


@dataclass(frozen=True, slots=True)
class Past:
    """What was written of a session by those who performed it before.

    `records` are (kind, name, result) in order, and `prints` is the number of lines that its handler printed; a
    session that keeps no journal has neither. `outcome` is what it answered, as it is shown.
    """

    records: Sequence[tuple[str, str, str]] = ()
    prints: int = 0
    steps: Sequence[StepState] = ()
    outcome: str | None = None
    is_answered: bool = False


async def read_past(database: Database, session: ClaimedSession) -> Past:
    """Return the past of a claimed session.

    Raises:
        Unavailable: the database is away.
    """
    if session.attempt <= 1:
        return Past()
    async with database.read() as tx:
        steps = await tx.scalars(select(Step).where(Step.session_id == session.id).order_by(Step.number))
        return Past(
            records=await read_records(tx, session.id) if session.is_durable else (),
            prints=await count_prints(tx, session.id) if session.is_durable else 0,
            steps=[
                StepState(row.number, row.name, row.status, row.started_at, row.duration_ms, row.error)
                for row in steps
            ],
            outcome=await tx.scalar(select(Session.outcome).where(Session.id == session.id)),
            is_answered=await is_answered(tx, session.request_id),
        )


async def read_records(tx: Tx, session_id: str) -> list[tuple[str, str, str]]:
    """Return the journal in order."""
    rows = await tx.scalars(
        select(JournalEntry).where(JournalEntry.session_id == session_id).order_by(JournalEntry.seq)
    )
    return [(row.kind, row.name, row.result.decode()) for row in rows]


async def count_prints(tx: Tx, session_id: str) -> int:
    """Return how many lines the handler printed, without what was printed while its file was loaded, which has data."""
    count = (
        select(func.count())
        .select_from(LogEntry)
        .where(LogEntry.session_id == session_id, LogEntry.kind == "print", LogEntry.data.is_(None))
    )
    return await tx.scalar(count) or 0


async def is_answered(tx: Tx, request_id: str | None) -> bool:
    """Whether a request has its answer."""
    return bool(await tx.scalar(select(exists().where(FinalOutcome.request_id == request_id))))
