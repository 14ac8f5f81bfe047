"""Deliveries: find, retry, cancel."""

from datetime import datetime

from sqlalchemy import Select, func, select, update

from app.errors import Conflict, EndpointDisabled, NotFound
from app.rules.lifecycle import DeliveryStatus
from app.store.database import Tx
from app.store.models import Attempt, Delivery, Endpoint


async def find(tx: Tx, workspace_id: str, delivery_id: str, *, locked: bool = False) -> Delivery:
    """Return a delivery of the workspace; `locked` keeps it from being settled or claimed meanwhile.

    Raises:
        NotFound: there is none, or it belongs to another workspace.
    """
    statement = select_of(workspace_id).where(Delivery.id == delivery_id)
    delivery = await tx.scalar(statement.with_for_update() if locked else statement)
    if delivery is None:
        raise NotFound("There is no delivery with this id.")
    return delivery


async def attempts_of(tx: Tx, delivery: Delivery) -> list[Attempt]:
    """Return a delivery's attempts, the first one first."""
    statement = select(Attempt).where(Attempt.delivery_id == delivery.id).order_by(Attempt.number)
    return list(await tx.scalars(statement))


async def retry(tx: Tx, delivery: Delivery, *, now: datetime) -> None:
    """Make a pending delivery due now, or give a finished one exactly one more attempt.

    Raises:
        EndpointDisabled: its endpoint takes no deliveries.
    """
    endpoint = await tx.get_one(Endpoint, delivery.endpoint_id)
    if endpoint.deleted_at is not None or not endpoint.enabled:
        raise EndpointDisabled("The endpoint is disabled or deleted; enable it first.")
    delivery.due_at = now
    if delivery.status != DeliveryStatus.PENDING:
        delivery.status = DeliveryStatus.PENDING
        delivery.single_try = True
        delivery.reason = delivery.finished_at = None
    tx.hint(delivery.endpoint_id)


def cancel(delivery: Delivery, *, now: datetime) -> None:
    """End a pending delivery unsent. An attempt that is in flight ends and is recorded.

    Raises:
        Conflict: it has ended already.
    """
    if delivery.status != DeliveryStatus.PENDING:
        raise Conflict(f"The delivery has ended already: it is {delivery.status}.")
    delivery.status = DeliveryStatus.CANCELLED
    delivery.reason = "cancelled"
    delivery.finished_at = now


async def cancel_pending(tx: Tx, endpoint_id: str, *, now: datetime) -> None:
    """End all pending deliveries of an endpoint that takes none any more."""
    pending = (Delivery.endpoint_id == endpoint_id, Delivery.status == DeliveryStatus.PENDING)
    # Locked in the order of their ids, as those do who settle them just now: else the two could wait in a ring.
    locked = select(Delivery.id).where(*pending).order_by(Delivery.id).with_for_update().subquery()
    await tx.execute(select(func.count()).select_from(locked))
    await tx.execute(
        update(Delivery)
        .where(*pending)
        .values(status=DeliveryStatus.CANCELLED, reason="endpoint_disabled", finished_at=now)
    )


async def count_pending(tx: Tx) -> int:
    """Return how many deliveries of all workspaces are not finished yet."""
    statement = select(func.count()).select_from(Delivery).where(Delivery.status == DeliveryStatus.PENDING)
    return int(await tx.scalar(statement) or 0)


def select_of(workspace_id: str) -> Select[Delivery]:
    """Return the query of a workspace's deliveries."""
    return select(Delivery).where(Delivery.workspace_id == workspace_id)
