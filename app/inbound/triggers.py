"""Triggers of a workflow, as its active deployment's manifest has them."""

import base64
from datetime import datetime

from sqlalchemy import select

from app.rules.ids import make_id
from app.rules.manifest import Manifest, TriggerSpec
from app.rules.schedules import Schedule
from app.store.database import Tx
from app.store.models import Trigger, Workflow
from app.wiring import Wiring

# Of a trigger's URL, which is all that keeps strangers out: 160 bits, more than can ever be guessed.
SLUG_BYTES = 20


async def live_triggers(tx: Tx, workflow_id: str) -> list[Trigger]:
    """Return the triggers of a workflow, in order of creation."""
    statement = select(Trigger).where(Trigger.workflow_id == workflow_id, Trigger.deleted_at.is_(None))
    return list(await tx.scalars(statement.order_by(Trigger.id)))


async def set_triggers(tx: Tx, workflow: Workflow, manifest: Manifest, *, wiring: Wiring) -> list[Trigger]:
    """Have exactly the triggers of a manifest; one that stays keeps its URL."""
    now = wiring.clock()
    known = {trigger.name: trigger for trigger in await live_triggers(tx, workflow.id)}
    triggers = []
    for spec in manifest.triggers:
        trigger = known.pop(spec.name, None)
        document = spec.model_dump(mode="json")
        if trigger is None:
            trigger = Trigger(
                id=make_id("trg", wiring.chance.uuid7()),
                workspace_id=workflow.workspace_id,
                workflow_id=workflow.id,
                name=spec.name,
                type=spec.type,
                slug=make_slug(wiring),
                spec=document,
                due_at=next_tick(spec, now),
                created_at=now,
            )
            tx.add(trigger)
        elif trigger.spec != document:
            if (trigger.spec["schedule"], trigger.spec["timezone"]) != (spec.schedule, spec.timezone):
                trigger.due_at = next_tick(spec, now)
            trigger.spec = document
        triggers.append(trigger)
    for trigger in known.values():
        trigger.deleted_at, trigger.due_at = now, None
    return triggers


def make_slug(wiring: Wiring) -> str:
    """Return a name for a trigger's URL that nobody can guess, in lower case so that people can read it out."""
    return base64.b32encode(wiring.chance.take_bytes(SLUG_BYTES)).decode().lower()


def next_tick(spec: TriggerSpec, moment: datetime) -> datetime | None:
    """Return when a schedule fires next; None for other triggers."""
    if spec.schedule is None:
        return None
    return Schedule.parse(spec.schedule, spec.timezone).next_after(moment)
