"""Workflows: make them, find them, change and delete them, and what state their deployments are in."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.exc import IntegrityError

from app.errors import Conflict, NotFound, Problem
from app.inbound.deploy import add_workflow, lock_names, touch
from app.inbound.triggers import live_triggers
from app.inbound.workflow_events import compare, publish_created, publish_deleted, publish_updated
from app.store.database import Tx
from app.store.models import Deployment, Session, Trigger, Workflow
from app.wiring import Wiring


async def create(
    tx: Tx, name: str, *, description: str | None = None, workspace_id: str, wiring: Wiring
) -> Workflow:
    """Write a workflow before anything of it is deployed.

    Raises:
        Conflict: the workspace has a workflow of this name.
    """
    await lock_names(tx, workspace_id)
    workflow = add_workflow(tx, name, workspace_id=workspace_id, wiring=wiring)
    workflow.description = description
    await claim_name(tx)
    await publish_created(tx, workflow, wiring=wiring)
    return workflow


async def change(tx: Tx, workflow: Workflow, members: dict[str, Any], *, wiring: Wiring) -> None:
    """Replace columns of a workflow. What is as it was already is no change.

    Raises:
        Conflict: the workspace has another workflow of the new name.
    """
    changed = {name: value for name, value in members.items() if getattr(workflow, name) != value}
    if not changed:
        return
    if "name" in changed:
        await lock_names(tx, workflow.workspace_id)
    before = {name: getattr(workflow, name) for name in changed}
    for name, value in changed.items():
        setattr(workflow, name, value)
    touch(workflow, wiring=wiring)
    await claim_name(tx)
    await publish_updated(tx, workflow, compare(before, changed), wiring=wiring)


async def claim_name(tx: Tx) -> None:
    """Write a workflow's name, which another one of the workspace may have.

    Raises:
        Conflict: it has.
    """
    try:
        await tx.flush()
    except IntegrityError:
        raise Conflict(
            "There is a workflow of this name.", problems=[Problem("/name", "is taken", Conflict.code)]
        ) from None


async def delete(tx: Tx, workflow: Workflow, *, wiring: Wiring) -> None:
    """Take a workflow away with its triggers, whose URLs lead nowhere from now on.

    Sessions that have begun go on to their end; they and the requests stay readable. The name is free again.
    """
    triggers = await live_triggers(tx, workflow.id)
    touch(workflow, wiring=wiring)
    now = workflow.deleted_at = workflow.updated_at
    await tx.execute(
        update(Trigger)
        .where(Trigger.workflow_id == workflow.id, Trigger.deleted_at.is_(None))
        .values(deleted_at=now, due_at=None)
    )
    await publish_deleted(tx, workflow, triggers=triggers, deleted_at=now, wiring=wiring)


async def find(tx: Tx, workspace_id: str, workflow_id: str, *, locked: bool = False) -> Workflow:
    """Return a workflow of the workspace; `locked` lets one change of it follow the other.

    Raises:
        NotFound: there is none, or it belongs to another workspace.
    """
    statement = select_live(workspace_id).where(Workflow.id == workflow_id)
    workflow = await tx.scalar(statement.with_for_update() if locked else statement)
    if workflow is None:
        raise NotFound("There is no workflow with this id.")
    return workflow


async def find_startable(tx: Tx, workflow_id: str) -> tuple[Workflow, Deployment]:
    """Return a workflow that sessions can be started of, locked against changes, with what they will run.

    Raises:
        Conflict: it was deleted, is disabled, or has no files yet.
    """
    # Shared, so that starts do not wait for each other, and none comes after the end of a deletion.
    workflow = await tx.get_one(Workflow, workflow_id, with_for_update={"read": True})
    if workflow.deleted_at is not None:
        raise Conflict("The workflow has been deleted.")
    if not workflow.enabled:
        raise Conflict("The workflow is disabled; enable it first.")
    if workflow.active_deployment_id is None:
        raise Conflict("Nothing has been deployed of the workflow yet.")
    return workflow, await tx.get_one(Deployment, workflow.active_deployment_id)


async def find_deployment(tx: Tx, workflow_id: str, deployment_id: str) -> Deployment:
    """Return a deployment of a workflow.

    Raises:
        NotFound: there is none, or it is another workflow's.
    """
    deployment = await tx.get(Deployment, deployment_id)
    if deployment is None or deployment.workflow_id != workflow_id:
        raise NotFound(
            "There is no deployment with this id.",
            problems=[Problem("/deployment_id", "is unknown", NotFound.code)],
        )
    return deployment


async def draining_of(tx: Tx, deployment_ids: Sequence[str]) -> set[str]:
    """Return those deployments that have sessions which go on."""
    statement = select(Session.deployment_id).where(
        Session.deployment_id.in_(deployment_ids), Session.finished_at.is_(None)
    )
    return set(await tx.scalars(statement.distinct()))


def select_live(workspace_id: str) -> Select[Workflow]:
    """Return the query of a workspace's workflows."""
    return select(Workflow).where(Workflow.workspace_id == workspace_id, Workflow.deleted_at.is_(None))


def select_deployments(workflow_id: str) -> Select[Deployment]:
    """Return the query of a workflow's deployments."""
    return select(Deployment).where(Deployment.workflow_id == workflow_id)


def select_triggers(workflow_id: str) -> Select[Trigger]:
    """Return the query of a workflow's triggers."""
    return select(Trigger).where(Trigger.workflow_id == workflow_id, Trigger.deleted_at.is_(None))
