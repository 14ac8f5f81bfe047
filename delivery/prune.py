"""Retention: what is older than the operator wants to keep goes, in bounded batches.

A batch is one short transaction, so that pruning millions of rows holds nobody up and can stop anywhere. A pending
delivery is kept however old it is, and so is its event; a session that has not ended keeps its request.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, exists, select, tuple_

from app.inbound.retention import delete_arrivals, delete_requests, delete_sessions
from app.rules.ids import lowest_id
from app.rules.lifecycle import DeliveryStatus
from app.store.database import Tx
from app.store.models import Attempt, Delivery, Event, IdempotentAnswer, Workspace
from app.wiring import Wiring

DeleteBatch = Callable[..., Awaitable[int]]

# Rows of one table in one transaction.
BATCH_ROWS = 1_000

# Answers are repeated for a day, see `app.api.idempotency`.
ANSWERS_KEPT = timedelta(hours=24)

# The work is spread over the day instead of coming all at once.
PRUNE_SECONDS = 3_600.0


async def prune(wiring: Wiring) -> int:
    """Delete what has had its time; returns how many rows went.

    Raises:
        Unavailable: the database is away.
    """
    now = wiring.clock()
    before = now - timedelta(days=wiring.settings.retention_days)
    async with wiring.database.read() as tx:
        workspace_ids = list(await tx.scalars(select(Workspace.id)))
    gone = await repeat_batches(wiring, delete_answers, before=now - ANSWERS_KEPT)
    gone += await repeat_batches(wiring, partial(delete_arrivals, limit=BATCH_ROWS), before=before)
    for workspace_id in workspace_ids:
        gone += await repeat_batches(wiring, delete_deliveries, workspace_id, before=before)
        gone += await repeat_batches(wiring, delete_events, workspace_id, before=before)
        for delete_batch in (delete_sessions, delete_requests):
            sized = partial(delete_batch, limit=BATCH_ROWS)
            gone += await repeat_batches(wiring, sized, workspace_id, before=before)
    return gone


async def repeat_batches(wiring: Wiring, delete_batch: DeleteBatch, *scope: str, before: datetime) -> int:
    """Run a batch again and again until it finds nothing."""
    total = 0
    while True:
        async with wiring.database.write() as tx:
            gone = await delete_batch(tx, *scope, before=before)
        total += gone
        if gone < BATCH_ROWS:
            return total


async def delete_answers(tx: Tx, *, before: datetime) -> int:
    """Delete a batch of answers that are not repeated any more."""
    key = (IdempotentAnswer.workspace_id, IdempotentAnswer.route, IdempotentAnswer.key)
    old = select(*key).where(IdempotentAnswer.created_at < before).limit(BATCH_ROWS)
    rows = (await tx.execute(old)).all()
    await tx.execute(delete(IdempotentAnswer).where(tuple_(*key).in_([tuple(row) for row in rows])))
    return len(rows)


async def delete_deliveries(tx: Tx, workspace_id: str, *, before: datetime) -> int:
    """Delete a batch of a workspace's finished deliveries with their attempts."""
    old = (
        select(Delivery.id)
        .where(Delivery.workspace_id == workspace_id, Delivery.id < lowest_id("dlv", before))
        .where(Delivery.status != DeliveryStatus.PENDING)
        .order_by(Delivery.id)
        .limit(BATCH_ROWS)
    )
    ids = list(await tx.scalars(old))
    await tx.execute(delete(Attempt).where(Attempt.delivery_id.in_(ids)))
    await tx.execute(delete(Delivery).where(Delivery.workspace_id == workspace_id, Delivery.id.in_(ids)))
    return len(ids)


async def delete_events(tx: Tx, workspace_id: str, *, before: datetime) -> int:
    """Delete a batch of a workspace's events that have no delivery left."""
    delivered = exists().where(Delivery.workspace_id == workspace_id, Delivery.event_id == Event.id)
    old = (
        select(Event.id)
        .where(Event.workspace_id == workspace_id, Event.created_at < before, ~delivered)
        .order_by(Event.created_at)
        .limit(BATCH_ROWS)
    )
    ids = list(await tx.scalars(old))
    await tx.execute(delete(Event).where(Event.workspace_id == workspace_id, Event.id.in_(ids)))
    return len(ids)
