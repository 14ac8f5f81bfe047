"""A receiver that answers 410 is gone: its attempt is settled and its endpoint disabled in one transaction."""

import msgspec
from sqlalchemy import select

from app.outbound.endpoints import disable
from app.store.database import Tx
from app.store.hot.contract import Settlement
from app.store.models import Attempt, Delivery, Endpoint
from app.wiring import Wiring

# What of a settlement belongs to the delivery; the rest is the attempt.
DELIVERY_MEMBERS = {"token", "status", "reason", "due_at", "finished_at"}


async def settle_gone(tx: Tx, settlement: Settlement, *, wiring: Wiring) -> None:
    """Record the attempt, fail its delivery, disable the endpoint. Nothing happens without the lease.

    All attempts that are in flight tend to get this answer at the same time. Each locks the endpoint before its own
    delivery, so that they go one after the other and the first one's cancelling waits for none of them.
    """
    own = (Delivery.workspace_id == settlement.workspace_id, Delivery.id == settlement.delivery_id)
    endpoint = await tx.scalar(
        select(Endpoint)
        .where(Endpoint.id == select(Delivery.endpoint_id).where(*own).scalar_subquery())
        .with_for_update()
    )
    delivery = await tx.scalar(
        select(Delivery).where(*own, Delivery.lease_token == settlement.token).with_for_update()
    )
    if endpoint is None or delivery is None:
        return
    delivery.attempt_count = settlement.number
    delivery.leased_until = delivery.lease_token = None
    delivery.first_attempt_at = delivery.first_attempt_at or settlement.started_at
    if delivery.status == "pending":
        delivery.status, delivery.reason = settlement.status, settlement.reason
        delivery.finished_at = settlement.finished_at
    members = {k: v for k, v in msgspec.structs.asdict(settlement).items() if k not in DELIVERY_MEMBERS}
    tx.add(Attempt(**members))
    await tx.flush()
    await disable(tx, endpoint, reason="gone", wiring=wiring)
