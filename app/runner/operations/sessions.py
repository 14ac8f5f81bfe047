"""Sessions that a session starts, and signals between sessions."""

import json

from sqlalchemy import select

from app.inbound.sessions import add_session, wake
from app.queue import SessionsDue, SessionsWoken
from app.rules.ids import make_id
from app.rules.manifest import Manifest
from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking
from app.store.database import Tx
from app.store.models import Deployment, Session, Signal, Workflow


async def start_session(asking: Asking) -> str:
    """Start a session of this deployment, or of another workflow of the workspace.

    Raises:
        HandlerError: there is no such workflow or function.
    """
    call, project = str(asking.arguments["call"]), asking.arguments.get("project")
    wiring = asking.performance.stage.wiring
    async with asking.transaction() as (tx, session):
        deployment = await find_deployment(tx, session, project)
        given = json.dumps({"event_type": "start", "data": asking.arguments.get("data")})
        child = add_session(
            tx,
            deployment,
            call=normalise_call(call, deployment),
            given=given,
            parent_id=session.id,
            hops=session.hops,
            memo=asking.arguments.get("memo"),
            is_durable=session.is_durable,
            wiring=wiring,
        )
        asking.record(tx, child.id)
    wiring.queue.give(SessionsDue())
    return child.id


async def find_deployment(tx: Tx, session: Session, project: str | None) -> Deployment:
    """Return the deployment that a child runs: the parent's own, or the active one of another workflow."""
    if project is None:
        return await tx.get_one(Deployment, session.deployment_id)
    workflow = await tx.scalar(
        select(Workflow).where(
            Workflow.workspace_id == session.workspace_id,
            Workflow.name == project,
            Workflow.deleted_at.is_(None),
        )
    )
    if workflow is None or workflow.active_deployment_id is None:
        raise HandlerError(f"workflow {project!r} not found in this workspace, or never deployed")
    return await tx.get_one(Deployment, workflow.active_deployment_id)


def normalise_call(call: str, deployment: Deployment) -> str:
    """Return `path.py:function`; a trigger's name stands for its call.

    Raises:
        HandlerError: the deployment has no such file.
    """
    for trigger in Manifest.model_validate(deployment.manifest).triggers:
        if trigger.name == call and trigger.call is not None:
            return trigger.call
    path, _, function = call.replace(" ", ":").partition(":")
    if path not in deployment.files or not function:
        raise HandlerError(f"{call!r}: give `path.py:function` of a file of the deployment")
    return f"{path}:{function}"


async def send_signal(asking: Asking) -> None:
    """Leave a signal for another session of the workspace and wake it.

    Raises:
        HandlerError: there is no such session, or it has ended.
    """
    target_id = str(asking.arguments["session_id"])
    wiring = asking.performance.stage.wiring
    async with asking.transaction(also=target_id) as (tx, session):
        target = await tx.get(Session, target_id)
        if target is None or target.workspace_id != session.workspace_id:
            raise HandlerError(f"session {target_id!r} not found")
        if target.finished_at is not None:
            raise HandlerError(f"session {target_id!r} has ended")
        tx.add(
            Signal(
                id=make_id("sig", wiring.chance.uuid7()),
                workspace_id=session.workspace_id,
                session_id=target_id,
                name=str(asking.arguments["name"]),
                payload=json.dumps(asking.arguments.get("payload")),
                created_at=wiring.clock(),
            )
        )
        await wake(tx, target_id, now=wiring.clock())
        asking.record(tx, None)
    asking.performance.stage.bells.ring(target_id)
    wiring.queue.give(SessionsWoken([target_id]))
    wiring.queue.give(SessionsDue())
