"""Deploying: from files to a workflow that takes sessions.

Everything is judged first and written then, in one transaction. Deploying the same files again changes nothing. A
new deployment takes new sessions; those of the old one go on with the old files until they end.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.inbound.environment import seal_value
from app.providers import PROVIDERS
from app.rules.ids import make_id
from app.rules.manifest import (
    MANIFEST_NAMES,
    Change,
    Manifest,
    Reading,
    TriggerSpec,
    plan_changes,
    read_manifest,
    read_requirements,
    refuse_changed_types,
)
from app.rules.schedules import Schedule
from app.store.database import Tx
from app.store.models import Deployment, DeploymentFile, Trigger, Workflow, WorkflowVar
from app.wiring import Wiring

# Compiling tells of odd code by warnings, which a process has only one of.
_judging = threading.Lock()

# Of a trigger's URL, which is all that keeps strangers out: 160 bits, more than can ever be guessed.
SLUG_BYTES = 20


@dataclass(frozen=True, slots=True)
class Draft:
    """Files that make a deployment, judged and digested; secrets are taken out of what will be stored."""

    reading: Reading
    files: Mapping[str, bytes]
    digests: Mapping[str, str]
    digest: str
    secret_values: Mapping[str, str]
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment did, or would do."""

    workflow: Workflow | None
    deployment: Deployment | None
    triggers: list[Trigger]
    plan: list[Change]
    is_created: bool
    is_changed: bool
    warnings: list[str]


def draft_deployment(files: Mapping[str, bytes], *, most_body_bytes: int) -> Draft:
    """Judge files. Takes a while for many of them, and no transaction should be open.

    Raises:
        InvalidManifest: with every mistake.
    """
    with _judging:
        reading = read_manifest(
            files, providers=[provider.name for provider in PROVIDERS], most_body_bytes=most_body_bytes
        )
    secret_values, manifest = take_secrets(reading.manifest)
    kept = {
        path: content for path, content in files.items() if not secret_values or path not in MANIFEST_NAMES
    }
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(kept.items())}
    told = json.dumps([reading.manifest.model_dump(mode="json"), digests], sort_keys=True)
    return Draft(reading, kept, digests, hashlib.sha256(told.encode()).hexdigest(), secret_values, manifest)


def take_secrets(manifest: Manifest) -> tuple[dict[str, str], Manifest]:
    """Return the values of secret variables, and the manifest without them."""
    values: dict[str, str] = {}
    variables = []
    for spec in manifest.vars:
        if spec.secret and spec.value is not None:
            values[spec.name] = spec.value
            spec = spec.model_copy(update={"value": None})
        variables.append(spec)
    connections = []
    for connection in manifest.connections:
        own = []
        for spec in connection.vars:
            if spec.secret and spec.value is not None:
                values[f"{connection.name}__{spec.name}"] = spec.value
                spec = spec.model_copy(update={"value": None})
            own.append(spec)
        connections.append(connection.model_copy(update={"vars": tuple(own)}))
    return values, manifest.model_copy(update={"vars": tuple(variables), "connections": tuple(connections)})


async def deploy(tx: Tx, draft: Draft, *, workspace_id: str, wiring: Wiring, dry_run: bool) -> Deployed:
    """Make the draft the active deployment of the workflow that it names, or say what that would do.

    Raises:
        InvalidManifest: a trigger would become one of another type.
    """
    workflow = await find_by_name(tx, workspace_id, draft.manifest.name)
    before = await active_deployment(tx, workflow)
    known = None if before is None else Manifest.model_validate(before.manifest)
    if known is not None:
        refuse_changed_types(known, draft.reading)
    plan = plan_changes(known, draft.manifest)
    warnings = [*draft.reading.warnings, *warn_of_requirements(draft.files, wiring=wiring)]
    if before is not None and before.digest == draft.digest:
        triggers = [] if workflow is None else await live_triggers(tx, workflow.id)
        return Deployed(workflow, before, triggers, plan, False, False, warnings)
    if dry_run:
        return Deployed(workflow, None, [], plan, workflow is None, True, warnings)
    is_created = workflow is None
    if workflow is None:
        workflow = add_workflow(tx, draft.manifest.name, workspace_id=workspace_id, wiring=wiring)
    await tx.flush()
    deployment = await add_deployment(tx, workflow, draft, before=before, wiring=wiring)
    await set_secrets(tx, workflow, draft.secret_values, wiring=wiring)
    triggers = await set_triggers(tx, workflow, draft.manifest, wiring=wiring)
    workflow.active_deployment_id = deployment.id
    touch(workflow, wiring=wiring)
    return Deployed(workflow, deployment, triggers, plan, is_created, True, warnings)


def warn_of_requirements(files: Mapping[str, bytes], *, wiring: Wiring) -> list[str]:
    """Return what the author should know of requirements that nobody will install."""
    text = files.get("requirements.txt")
    if text is None or wiring.settings.runner_install:
        return []
    missing = [name for name in read_requirements(text.decode(errors="replace")) if not is_installed(name)]
    if not missing:
        return []
    return [
        f"requirements.txt: {', '.join(missing)} cannot be imported here: installing is off "
        "(AETHERFLOW_RUNNER_INSTALL)"
    ]


def is_installed(name: str) -> bool:
    """Whether a distribution is there beside the service, where handlers find it."""
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def touch(workflow: Workflow, *, wiring: Wiring) -> None:
    """Make every process notice that the workflow is not what it was."""
    workflow.version += 1
    workflow.updated_at = wiring.clock()


async def find_by_name(tx: Tx, workspace_id: str, name: str) -> Workflow | None:
    """Return the live workflow of a name, locked."""
    statement = select(Workflow).where(
        Workflow.workspace_id == workspace_id, Workflow.name == name, Workflow.deleted_at.is_(None)
    )
    return await tx.scalar(statement.with_for_update())


async def active_deployment(tx: Tx, workflow: Workflow | None) -> Deployment | None:
    """Return what new sessions of a workflow run, if anything was deployed."""
    if workflow is None or workflow.active_deployment_id is None:
        return None
    return await tx.get_one(Deployment, workflow.active_deployment_id)


def add_workflow(tx: Tx, name: str, *, workspace_id: str, wiring: Wiring) -> Workflow:
    """Write a workflow that has nothing deployed yet."""
    now = wiring.clock()
    workflow = Workflow(
        id=make_id("wf", wiring.chance.uuid7()),
        workspace_id=workspace_id,
        name=name,
        enabled=True,
        version=1,
        created_at=now,
        updated_at=now,
    )
    tx.add(workflow)
    return workflow


async def add_deployment(
    tx: Tx, workflow: Workflow, draft: Draft, *, before: Deployment | None, wiring: Wiring
) -> Deployment:
    """Write a deployment with those of its files that the workspace does not have."""
    insert = postgresql.insert if tx.get_bind().dialect.name == "postgresql" else sqlite.insert
    for path, digest in draft.digests.items():
        await tx.execute(
            insert(DeploymentFile)
            .values(workspace_id=workflow.workspace_id, digest=digest, content=draft.files[path])
            .on_conflict_do_nothing()
        )
    deployment = Deployment(
        id=make_id("dep", wiring.chance.uuid7()),
        workspace_id=workflow.workspace_id,
        workflow_id=workflow.id,
        version=1 if before is None else before.version + 1,
        digest=draft.digest,
        manifest=draft.manifest.model_dump(mode="json"),
        files=dict(draft.digests),
        created_at=wiring.clock(),
    )
    tx.add(deployment)
    return deployment


async def set_secrets(tx: Tx, workflow: Workflow, values: Mapping[str, str], *, wiring: Wiring) -> None:
    """Keep the values of secret variables, sealed."""
    for name, value in values.items():
        await set_var(tx, workflow, name, value, wiring=wiring)


async def set_var(tx: Tx, workflow: Workflow, name: str, value: str, *, wiring: Wiring) -> WorkflowVar:
    """Set a variable beside the manifest."""
    row = await tx.scalar(
        select(WorkflowVar).where(WorkflowVar.workflow_id == workflow.id, WorkflowVar.name == name)
    )
    if row is None:
        row = WorkflowVar(
            id=make_id("var", wiring.chance.uuid7()),
            workspace_id=workflow.workspace_id,
            workflow_id=workflow.id,
            name=name,
        )
        tx.add(row)
    row.sealed_value = seal_value(workflow.workspace_id, row.id, value, wiring=wiring)
    row.updated_at = wiring.clock()
    return row


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
