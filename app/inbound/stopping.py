"""Stopping sessions.

Whoever performs a session hears with the next renewal of its lease that it is to stop. A session that nobody
performs, because it has not begun or is parked, ends in the transaction that stops it.
"""

import json

from sqlalchemy import delete, select, update

from app.errors import Conflict
from app.inbound.lifecycle import FAILED, STOPPED, Execution, Failure, tell_failure
from app.inbound.sessions import steps_of, wake
from app.outbound.record import record_event
from app.rules.hops import hops_of_event
from app.rules.ids import make_id
from app.store.database import Tx
from app.store.hot.session_rows import StepState, read_row
from app.store.models import (
    Arrival,
    JournalEntry,
    LogEntry,
    Session,
    Signal,
    Step,
    Trigger,
    TriggerSubscription,
    Workflow,
)
from app.wiring import Wiring

NO_REASON = "stopped"


async def stop(tx: Tx, session: Session, *, reason: str | None, force: bool, wiring: Wiring) -> None:
    """Have a session stop, or end it at once if nobody performs it. `force` leaves it no grace.

    Asked again, only more force counts: the first reason stays.

    Raises:
        Conflict: it has ended already.
    """
    if session.finished_at is not None:
        raise Conflict(f"The session has ended already: it is {session.status}.")
    now = wiring.clock()
    if session.stopping_at is None:
        session.stopping_at, session.stop_reason = now, reason or NO_REASON
    session.stop_forced = session.stop_forced or force
    if session.leased_until is not None and session.leased_until > now:
        tx.hint_woken(session.id)
    else:
        await end(tx, session, wiring=wiring)


async def end(tx: Tx, session: Session, *, wiring: Wiring) -> None:
    """End a session that nobody performs, with all that the end of one brings along."""
    now, reason = wiring.clock(), session.stop_reason or NO_REASON
    for kind, text, data in (("stop", reason, None), ("state", "stopped", json.dumps({"reason": reason}))):
        session.log_length += 1
        tx.add(
            LogEntry(session_id=session.id, seq=session.log_length, at=now, kind=kind, text=text, data=data)
        )
    session.status, session.error, session.finished_at = "stopped", reason, now
    session.due_at = session.leased_until = session.wait = None
    await tx.execute(
        update(Step)
        .where(Step.session_id == session.id, Step.status == "running")
        .values(status="failed", error="stopped")
    )
    await forget_waits(tx, session)
    if session.started_at is not None:
        await publish_end(tx, session, wiring=wiring)
    if session.parent_id is not None:
        await tell_parent(tx, session, session.parent_id, wiring=wiring)
    if session.request_id is not None and session.is_sync:
        tx.hint_answered(session.request_id)


async def publish_end(tx: Tx, session: Session, *, wiring: Wiring) -> None:
    """Tell the world of the end of a session whose beginning it was told of."""
    workflow = await tx.get_one(Workflow, session.workflow_id)
    trigger = None if session.trigger_id is None else await tx.get(Trigger, session.trigger_id)
    execution = Execution(
        session.id,
        workflow.id,
        workflow.name,
        None if trigger is None else trigger.name,
        session.started_at or session.created_at,
    )
    data = tell_failure(
        execution,
        Failure(session.stop_reason or NO_REASON, STOPPED, session.deaths),
        finished_at=wiring.clock(),
        steps=[read_row(StepState, step) for step in await steps_of(tx, session)],
    )
    await record_event(
        tx,
        FAILED,
        data,
        workspace_id=session.workspace_id,
        wiring=wiring,
        hops=hops_of_event(session.hops),
    )


async def forget_waits(tx: Tx, session: Session) -> None:
    """Delete what a session that goes on would need: subscriptions, signals and the journal."""
    subscriptions = select(TriggerSubscription.id).where(TriggerSubscription.session_id == session.id)
    await tx.execute(delete(Arrival).where(Arrival.subscription_id.in_(subscriptions)))
    for table in (TriggerSubscription, Signal, JournalEntry):
        await tx.execute(delete(table).where(table.session_id == session.id))


async def tell_parent(tx: Tx, session: Session, parent_id: str, *, wiring: Wiring) -> None:
    """Leave the signal of a session's end for the one that started it."""
    now = wiring.clock()
    tx.add(
        Signal(
            id=make_id("sig", wiring.chance.uuid7()),
            workspace_id=session.workspace_id,
            session_id=parent_id,
            name=session.id,
            payload=json.dumps({"completed": False, "value": None}),
            created_at=now,
        )
    )
    await wake(tx, parent_id, now=now)
    tx.hint_woken(parent_id)
    tx.hint_sessions_due()
