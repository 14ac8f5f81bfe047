"""Variables of a workflow: what the manifest declares and what was set beside it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.errors import Invalid, NotFound, Problem
from app.inbound.deploy import active_deployment, set_var, touch
from app.inbound.environment import open_value
from app.inbound.workflow_events import MASK, change, publish_updated
from app.rules.manifest import Manifest, is_var_name
from app.store.database import Tx
from app.store.models import Workflow, WorkflowVar
from app.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable. `value` is what may be shown: the manifest's own text, if that is what handlers get."""

    name: str
    value: str | None
    is_secret: bool
    is_set: bool
    is_declared: bool
    description: str | None
    updated_at: datetime | None


async def list_variables(tx: Tx, workflow: Workflow) -> list[Variable]:
    """Return the variables in order of their names."""
    rows = await tx.scalars(select(WorkflowVar).where(WorkflowVar.workflow_id == workflow.id))
    found = {row.name: Variable(row.name, None, True, True, False, None, row.updated_at) for row in rows}
    deployment = await active_deployment(tx, workflow)
    manifest = None if deployment is None else Manifest.model_validate(deployment.manifest)
    declared = [] if manifest is None else [(spec.name, spec) for spec in manifest.vars]
    for connection in () if manifest is None else manifest.connections:
        declared += [(f"{connection.name}__{spec.name}", spec) for spec in connection.vars]
    for name, spec in declared:
        beside = found.get(name)
        found[name] = Variable(
            name=name,
            value=spec.value if beside is None else None,
            is_secret=spec.secret or beside is not None,
            is_set=beside is not None or spec.value is not None,
            is_declared=True,
            description=spec.description,
            updated_at=None if beside is None else beside.updated_at,
        )
    return sorted(found.values(), key=lambda variable: variable.name)


async def set_variable(tx: Tx, workflow: Workflow, name: str, value: str, *, wiring: Wiring) -> None:
    """Give a variable a value that beats the manifest's. The value that it has already changes nothing.

    Raises:
        Invalid: handlers cannot have a variable of this name.
    """
    if not is_var_name(name):
        raise Invalid(
            "This is no name for a variable.",
            problems=[
                Problem("", "A name has 1 to 64 letters, digits and underscores, and is not the service's.")
            ],
        )
    row = await find_row(tx, workflow, name)
    if row is None or open_value(row, wiring=wiring) != value:
        await set_var(tx, workflow, name, value, wiring=wiring)
        touch(workflow, wiring=wiring)
        changed = change(None if row is None else MASK, MASK)
        await publish_updated(tx, workflow, {f"vars.{name}": changed}, wiring=wiring)


async def remove_variable(tx: Tx, workflow: Workflow, name: str, *, wiring: Wiring) -> None:
    """Forget what was set beside the manifest.

    Raises:
        NotFound: nothing was.
    """
    row = await find_row(tx, workflow, name)
    if row is None:
        raise NotFound("No value was set for a variable of this name.")
    await tx.delete(row)
    touch(workflow, wiring=wiring)
    await publish_updated(tx, workflow, {f"vars.{name}": change(MASK, None)}, wiring=wiring)


async def find_row(tx: Tx, workflow: Workflow, name: str) -> WorkflowVar | None:
    """Return what was set for a variable."""
    statement = select(WorkflowVar).where(WorkflowVar.workflow_id == workflow.id, WorkflowVar.name == name)
    row: WorkflowVar | None = await tx.scalar(statement)
    return row
