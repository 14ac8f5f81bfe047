"""Schedules: each tick starts a session, once in the whole installation.

A trigger's `due_at` is its next tick. Whoever finds it in the past starts the session and moves it on in one
transaction. Ticks that were missed while nobody looked are not made up for: there is one, late, and then the next.
"""

import json
from datetime import datetime

from sqlalchemy import select

from app.inbound.sessions import add_session
from app.inbound.triggers import next_tick
from app.rules.filters import INBOUND, Filter
from app.rules.manifest import TriggerSpec
from app.store.database import Tx
from app.store.models import Deployment, Trigger, Workflow
from app.wiring import Wiring

# Ticks in one transaction.
MOST_TICKS = 100


async def is_due(tx: Tx, *, wiring: Wiring) -> bool:
    """Whether any tick has come; looking costs less than writing."""
    statement = select(Trigger.id).where(Trigger.due_at <= wiring.clock(), Trigger.deleted_at.is_(None))
    return await tx.scalar(statement.limit(1)) is not None


async def fire_due(tx: Tx, *, wiring: Wiring) -> int:
    """Start a session for each trigger whose tick has come; returns how many ticks there were."""
    now = wiring.clock()
    rows = await tx.execute(
        select(Trigger, Workflow, Deployment)
        .join(Workflow, Workflow.id == Trigger.workflow_id)
        .outerjoin(Deployment, Deployment.id == Workflow.active_deployment_id)
        .where(Trigger.due_at <= now, Trigger.deleted_at.is_(None))
        .order_by(Trigger.due_at)
        .limit(MOST_TICKS)
        .with_for_update(of=Trigger, skip_locked=True)
    )
    count = 0
    for trigger, workflow, deployment in rows.all():
        spec = TriggerSpec.model_validate(trigger.spec)
        planned, trigger.due_at = trigger.due_at or now, next_tick(spec, now)
        if not workflow.enabled or workflow.deleted_at is not None or deployment is None:
            continue
        count += start(tx, trigger, spec, deployment, planned=planned, wiring=wiring)
    return count


def start(
    tx: Tx, trigger: Trigger, spec: TriggerSpec, deployment: Deployment, *, planned: datetime, wiring: Wiring
) -> bool:
    """Start the session of a tick, unless the trigger's filter says no or it calls nothing."""
    data = {"trigger": spec.name, "schedule": spec.schedule, "planned_at": planned.isoformat()}
    if spec.call is None or not takes_tick(spec, data):
        return False
    add_session(
        tx,
        deployment,
        call=spec.call,
        given=json.dumps({"event_type": "tick", "data": data}),
        trigger_id=trigger.id,
        is_durable=spec.is_durable,
        wiring=wiring,
    )
    return True


def takes_tick(spec: TriggerSpec, data: dict[str, str | None]) -> bool:
    """Whether a trigger's event type and filter let a tick pass."""
    if spec.event_type is not None and spec.event_type != "tick":
        return False
    if spec.filter is None:
        return True
    return Filter.compile(spec.filter, variables=INBOUND).judge({"data": data, "event_type": "tick"}).matched
