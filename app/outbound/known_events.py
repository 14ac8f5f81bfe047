"""Publishing an event that exists: the first answer again if it says the same, a conflict if it does not."""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.errors import Conflict, Problem
from app.outbound.drafts import Draft, Published
from app.outbound.envelopes import compose_body, read_timestamp
from app.store.database import Database, Tx
from app.store.models import Delivery, Event


async def settle_known(database: Database, drafts: Sequence[Draft]) -> list[Draft]:
    """Mark drafts whose event exists already, and return the others.

    Raises:
        Conflict: an id belongs to an event with other content.
    """
    chosen = [draft for draft in drafts if draft.given.id is not None]
    if not chosen:
        return list(drafts)
    async with database.read() as tx:
        bodies = await read_bodies(tx, chosen)
        conflicts = [
            Problem(f"{draft.given.path}/id", f"{draft.id} is the id of another event", Conflict.code)
            for draft in chosen
            if draft.id in bodies and not is_same_event(draft, bodies[draft.id])
        ]
        if conflicts:
            detail = "An event with this id exists and has other content."
            raise Conflict(detail, problems=conflicts)
        for draft in chosen:
            if draft.id in bodies:
                count = await count_first_deliveries(tx, draft.given.workspace_id, draft.id)
                stamp = read_timestamp(bodies[draft.id])
                draft.published = Published(draft.id, draft.given.type, stamp, count, replayed=True)
    return [draft for draft in drafts if draft.published is None]


def is_same_event(draft: Draft, body: bytes) -> bool:
    """Whether a stored body says what the draft says; a timestamp that we chose makes no difference."""
    timestamp = draft.given.timestamp or read_timestamp(body)
    composed = compose_body(
        event_type=draft.given.type, event_id=draft.id, timestamp=timestamp, data=draft.given.data
    )
    return composed == body


async def read_bodies(tx: Tx, drafts: Sequence[Draft]) -> dict[str, bytes]:
    """Return the bodies of the events that exist, by id; all drafts are of one workspace."""
    rows = await tx.execute(
        select(Event.id, Event.body).where(
            Event.workspace_id == drafts[0].given.workspace_id, Event.id.in_([draft.id for draft in drafts])
        )
    )
    return {row[0]: row[1] for row in rows}


async def count_first_deliveries(tx: Tx, workspace_id: str, event_id: str) -> int:
    """Return how many deliveries were born with the event; replays came later."""
    statement = (
        select(func.count())
        .select_from(Delivery)
        .join(Event, (Event.workspace_id == Delivery.workspace_id) & (Event.id == Delivery.event_id))
        .where(Delivery.workspace_id == workspace_id, Delivery.event_id == event_id)
        .where(Delivery.created_at == Event.created_at)
    )
    return int(await tx.scalar(statement) or 0)
