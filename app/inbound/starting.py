"""Sessions that a person starts: by hand, or those of the past once more."""

import asyncio
import json
from typing import Any

from sqlalchemy import select

from app.errors import Conflict, Invalid, Problem
from app.inbound.sessions import add_session
from app.inbound.workflows import find_startable
from app.rules.manifest import Manifest, TriggerSpec
from app.rules.manifest.calls import Call, find_fault, parse_call
from app.rules.manifest.findings import Findings
from app.rules.manifest.sources import read_bindings
from app.store.database import Tx
from app.store.models import Deployment, DeploymentFile, ReceivedRequest, Session, Trigger
from app.wiring import Wiring


async def start_by_hand(
    tx: Tx,
    workflow_id: str,
    *,
    trigger: str | None,
    call: str | None,
    data: dict[str, Any] | None,
    wiring: Wiring,
) -> Session:
    """Start a session of what a trigger calls, or of a function; `data` becomes its `event.data`.

    Raises:
        Conflict: no session of the workflow can be started now.
        Invalid: there is no such trigger or function, or it is not said which one is meant.
    """
    _, deployment = await find_startable(tx, workflow_id)
    manifest = Manifest.model_validate(deployment.manifest)
    if call is not None:
        refuse_both(trigger)
        found = await check_call(tx, deployment, call)
        spec = next((t for t in manifest.triggers if t.call == found), None)
        is_durable = manifest.version == "v1" if spec is None else spec.is_durable
        trigger_id, event_type = None, "start"
    else:
        spec = choose_trigger(manifest, trigger)
        found, is_durable = spec.call or "", spec.is_durable
        trigger_id = await find_trigger_id(tx, workflow_id, spec.name)
        event_type = "tick" if spec.type == "schedule" else "start"
    session = add_session(
        tx,
        deployment,
        call=found,
        given=json.dumps({"event_type": event_type, "data": data or {}}),
        trigger_id=trigger_id,
        is_durable=is_durable,
        wiring=wiring,
    )
    tx.hint_sessions_due()
    return session


async def rerun(tx: Tx, session: Session, *, wiring: Wiring) -> Session:
    """Start a session of the same request or input on the active deployment.

    It runs what its trigger calls by now, and what it called itself when the trigger is gone.

    Raises:
        Conflict: no session of the workflow can be started now, or its request or its file is no longer there.
    """
    _, deployment = await find_startable(tx, session.workflow_id)
    if session.request_id is not None and await tx.get(ReceivedRequest, session.request_id) is None:
        raise Conflict("The request of the session is kept no longer.")
    trigger = None if session.trigger_id is None else await tx.get(Trigger, session.trigger_id)
    spec = None
    if trigger is not None and trigger.deleted_at is None:
        spec = TriggerSpec.model_validate(trigger.spec)
    call = session.call if spec is None or spec.call is None else spec.call
    path = call.rpartition(":")[0]
    if path not in deployment.files:
        raise Conflict(f"The active deployment has no file {path}.")
    again = add_session(
        tx,
        deployment,
        call=call,
        given=session.input,
        memo=session.memo,
        trigger_id=session.trigger_id,
        request_id=session.request_id,
        is_durable=session.is_durable if spec is None else spec.is_durable,
        wiring=wiring,
    )
    tx.hint_sessions_due()
    return again


def refuse_both(trigger: str | None) -> None:
    """Refuse a start that names a trigger besides a function.

    Raises:
        Invalid: it does.
    """
    if trigger is not None:
        raise Invalid(
            "Give a trigger or a call, not both.", problems=[Problem("/call", "stands beside a trigger")]
        )


def choose_trigger(manifest: Manifest, name: str | None) -> TriggerSpec:
    """Return the trigger of a name; without one, the only trigger that calls anything.

    Raises:
        Invalid: there is no such trigger, it calls nothing, or there are several.
    """
    calling = [spec for spec in manifest.triggers if spec.call is not None]
    if name is None:
        if len(calling) != 1:
            raise Invalid(
                "Say what to start.",
                problems=[Problem("/trigger", "must be given, or a call: there is not exactly one trigger")],
            )
        return calling[0]
    spec = next((spec for spec in calling if spec.name == name), None)
    if spec is None:
        raise Invalid(
            "There is no such trigger.",
            problems=[Problem("/trigger", "is no trigger of the active deployment that calls anything")],
        )
    return spec


async def find_trigger_id(tx: Tx, workflow_id: str, name: str) -> str | None:
    """Return the id of a workflow's trigger."""
    statement = select(Trigger.id).where(
        Trigger.workflow_id == workflow_id, Trigger.name == name, Trigger.deleted_at.is_(None)
    )
    trigger_id: str | None = await tx.scalar(statement)
    return trigger_id


async def check_call(tx: Tx, deployment: Deployment, text: str) -> str:
    """Return a call as it is stored.

    Raises:
        Invalid: it leads to no function of the deployment.
    """
    call = parse_call(text)
    fault = call if isinstance(call, str) else await find_fault_of(tx, deployment, call)
    if fault is not None:
        raise Invalid("There is nothing to call.", problems=[Problem("/call", fault)])
    return str(call)


async def find_fault_of(tx: Tx, deployment: Deployment, call: Call) -> str | None:
    """Return why a call leads nowhere in a deployment, or None."""
    files = dict.fromkeys(deployment.files, b"")
    bindings = {}
    if (digest := deployment.files.get(call.path)) is not None:
        file = await tx.get_one(DeploymentFile, (deployment.workspace_id, digest))
        # Its trees are large, and the parser takes its time for large files.
        bindings = await asyncio.to_thread(
            read_bindings, {call.path: file.content}, {call.path}, Findings(call.path)
        )
    return find_fault(call, files, bindings)
