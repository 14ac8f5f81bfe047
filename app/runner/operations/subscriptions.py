"""Subscriptions of a session to the requests of a trigger."""

from sqlalchemy import delete, select

from app.rules.filters import INBOUND, Filter
from app.rules.ids import make_id
from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking
from app.store.models import Arrival, Trigger, TriggerSubscription


async def subscribe(asking: Asking) -> str:
    """Begin to collect the requests of a trigger of the session's workflow that fit a filter.

    Raises:
        InvalidFilter: the filter is wrong.
        HandlerError: no trigger has this name.
    """
    name, filter_text = str(asking.arguments["trigger"]), str(asking.arguments.get("filter") or "")
    if filter_text:
        Filter.compile(filter_text, variables=INBOUND)
    wiring = asking.performance.stage.wiring
    async with asking.transaction() as (tx, session):
        trigger_id = await tx.scalar(
            select(Trigger.id).where(
                Trigger.workflow_id == session.workflow_id, Trigger.name == name, Trigger.deleted_at.is_(None)
            )
        )
        if trigger_id is None:
            raise HandlerError(f"trigger {name!r} not found in this workflow")
        subscription_id = make_id("sub", wiring.chance.uuid7())
        tx.add(
            TriggerSubscription(
                id=subscription_id,
                workspace_id=asking.workspace_id,
                session_id=asking.session_id,
                trigger_id=trigger_id,
                filter=filter_text,
                created_at=wiring.clock(),
            )
        )
        asking.record(tx, subscription_id)
    asking.performance.has_waits = True
    return subscription_id


async def unsubscribe(asking: Asking) -> None:
    """End a subscription and drop what it has not handed out."""
    subscription_id = str(asking.arguments["id"])
    async with asking.transaction() as (tx, session):
        owned = select(TriggerSubscription.id).where(
            TriggerSubscription.id == subscription_id, TriggerSubscription.session_id == session.id
        )
        if await tx.scalar(owned) is None:
            raise HandlerError(f"subscription {subscription_id!r} not found in this session")
        await tx.execute(delete(Arrival).where(Arrival.subscription_id == subscription_id))
        await tx.execute(delete(TriggerSubscription).where(TriggerSubscription.id == subscription_id))
        asking.record(tx, None)
