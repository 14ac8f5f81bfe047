"""What is kept of sessions and requests for a while only, in batches that hold nobody up."""

from datetime import datetime

from sqlalchemy import delete, exists, select, tuple_

from app.rules.ids import lowest_id
from app.store.database import Tx
from app.store.models import (
    Arrival,
    FinalOutcome,
    JournalEntry,
    LogEntry,
    ReceivedRequest,
    Session,
    Step,
    TriggerSubscription,
)


async def delete_sessions(tx: Tx, workspace_id: str, *, before: datetime, limit: int) -> int:
    """Delete a batch of a workspace's ended sessions with all that they left; returns how many went."""
    old = (
        select(Session.id)
        .where(Session.workspace_id == workspace_id, Session.id < lowest_id("ses", before))
        .where(Session.finished_at < before)
        .order_by(Session.id)
        .limit(limit)
    )
    ids = list(await tx.scalars(old))
    for table in (LogEntry, Step, JournalEntry):
        await tx.execute(delete(table).where(table.session_id.in_(ids)))
    await tx.execute(delete(Session).where(Session.id.in_(ids)))
    return len(ids)


async def delete_requests(tx: Tx, workspace_id: str, *, before: datetime, limit: int) -> int:
    """Delete a batch of a workspace's requests that no session needs any more; returns how many went."""
    running = select(Session.request_id).where(
        Session.workspace_id == workspace_id, Session.request_id.is_not(None), Session.finished_at.is_(None)
    )
    old = (
        select(ReceivedRequest.id)
        .where(ReceivedRequest.workspace_id == workspace_id, ReceivedRequest.id < lowest_id("req", before))
        .where(ReceivedRequest.id.not_in(running))
        .order_by(ReceivedRequest.id)
        .limit(limit)
    )
    ids = list(await tx.scalars(old))
    await tx.execute(delete(FinalOutcome).where(FinalOutcome.request_id.in_(ids)))
    await tx.execute(delete(ReceivedRequest).where(ReceivedRequest.id.in_(ids)))
    return len(ids)


async def delete_arrivals(tx: Tx, *, before: datetime, limit: int) -> int:
    """Delete a batch of what came to subscriptions in the moment of their end; returns how many rows went."""
    key = (Arrival.subscription_id, Arrival.request_id)
    left = (
        select(*key)
        .where(~exists().where(TriggerSubscription.id == Arrival.subscription_id))
        .where(Arrival.request_id < lowest_id("req", before))
        .limit(limit)
    )
    rows = (await tx.execute(left)).all()
    await tx.execute(delete(Arrival).where(tuple_(*key).in_([tuple(row) for row in rows])))
    return len(rows)
