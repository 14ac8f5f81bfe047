"""Workflows: create, read, change, delete; their triggers, deployments, variables and sessions."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.auth import Caller, Reader, WorkflowsWriter
from app.api.bodies import parse_body, read_bytes
from app.api.deploying import base_of
from app.api.description import describe
from app.api.idempotency import Answer, answer_once
from app.api.paging import ListQuery, Order, Page, read_page
from app.api.parameters import Flag, NoParameters, read_parameters
from app.api.schemas.workflows import (
    DeploymentShown,
    SessionStarted,
    StartInput,
    TriggerShown,
    VarInput,
    VarList,
    VarShown,
    WorkflowChange,
    WorkflowDetail,
    WorkflowInput,
    WorkflowShown,
)
from app.api.transactions import Parts, ReadTx, WriteTx
from app.api.validation import Text
from app.inbound import variables, workflows
from app.inbound.starting import start_by_hand
from app.inbound.triggers import live_triggers
from app.store.database import Tx
from app.store.models import Deployment, Trigger, Workflow
from app.wiring import Wiring

ORDER = Order(Workflow.created_at, Workflow.id, "wf")
TRIGGERS = Order(Trigger.created_at, Trigger.id, "trg")
DEPLOYMENTS = Order(Deployment.created_at, Deployment.id, "dep")

# Shown with a workflow; the list has all of them.
NEWEST_DEPLOYMENTS = 20

router = APIRouter(tags=["workflows"])


class WorkflowQuery(ListQuery):
    """Filters of the workflow list."""

    name: Text | None = None
    enabled: Flag | None = None


@router.post(
    "/workflows", status_code=201, response_model=WorkflowShown, openapi_extra=describe(body=WorkflowInput)
)
async def create_workflow(request: Request, caller: WorkflowsWriter, parts: Parts) -> Response:
    """Make a workflow before anything of it is deployed, for example to set its secrets first."""
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)

    async def perform(tx: Tx) -> Answer:
        given = parse_body(WorkflowInput, raw)
        workflow = await workflows.create(
            tx, given.name, description=given.description, workspace_id=caller.workspace_id, wiring=parts
        )
        content = WorkflowShown.of(workflow).model_dump(mode="json")
        return Answer(201, content, {"Location": f"/api/v1/workflows/{workflow.id}"})

    return await answer_once(request, caller, raw, perform)


@router.get("/workflows", openapi_extra=describe(parameters=WorkflowQuery))
async def list_workflows(request: Request, caller: Reader, tx: ReadTx) -> Page[WorkflowShown]:
    """List workflows."""
    query = read_parameters(request, WorkflowQuery)
    statement = workflows.select_live(caller.workspace_id)
    if query.name is not None:
        statement = statement.where(Workflow.name == query.name)
    if query.enabled is not None:
        statement = statement.where(Workflow.enabled == query.enabled)
    return await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=WorkflowShown.of
    )


@router.get("/workflows/{workflow_id}")
async def read_workflow(
    request: Request, caller: Reader, workflow_id: str, tx: ReadTx, parts: Parts
) -> WorkflowDetail:
    """Show a workflow with its triggers, deployments and variables."""
    workflow = await workflows.find(tx, caller.workspace_id, workflow_id)
    read_parameters(request, NoParameters)
    statement = workflows.select_deployments(workflow.id).order_by(Deployment.id.desc())
    rows = (await tx.scalars(statement.limit(NEWEST_DEPLOYMENTS))).all()
    base = base_of(request, parts)
    return WorkflowDetail(
        **WorkflowShown.of(workflow).model_dump(),
        triggers=[TriggerShown.of(row, base) for row in await live_triggers(tx, workflow.id)],
        deployments=await show_deployments(tx, workflow, rows),
        vars=[VarShown.of(variable) for variable in await variables.list_variables(tx, workflow)],
    )


@router.patch("/workflows/{workflow_id}", openapi_extra=describe(body=WorkflowChange))
async def change_workflow(
    request: Request, caller: WorkflowsWriter, workflow_id: str, parts: Parts
) -> WorkflowShown:
    """Replace members of a workflow. While it is disabled its URLs answer 404 and its schedules rest."""
    await require(caller, workflow_id, parts)
    read_parameters(request, NoParameters)
    given = parse_body(WorkflowChange, await read_bytes(request))
    members = {name: getattr(given, name) for name in given.model_fields_set}
    if "enabled" in members:
        members["enabled"] = given.enabled is not False
    async with parts.database.write() as tx:
        workflow = await workflows.find(tx, caller.workspace_id, workflow_id, locked=True)
        await workflows.change(tx, workflow, members, wiring=parts)
        return WorkflowShown.of(workflow)


@router.delete("/workflows/{workflow_id}", status_code=204, response_class=Response)
async def delete_workflow(
    request: Request, caller: WorkflowsWriter, workflow_id: str, tx: WriteTx, parts: Parts
) -> None:
    """Delete a workflow. Its URLs answer 404 at once; sessions that have begun go on to their end."""
    workflow = await workflows.find(tx, caller.workspace_id, workflow_id, locked=True)
    read_parameters(request, NoParameters)
    await workflows.delete(tx, workflow, wiring=parts)


@router.get("/workflows/{workflow_id}/triggers", openapi_extra=describe(parameters=ListQuery))
async def list_triggers(
    request: Request, caller: Reader, workflow_id: str, tx: ReadTx, parts: Parts
) -> Page[TriggerShown]:
    """List the triggers of a workflow."""
    workflow = await workflows.find(tx, caller.workspace_id, workflow_id)
    query = read_parameters(request, ListQuery)
    base = base_of(request, parts)
    return await read_page(
        tx,
        workflows.select_triggers(workflow.id),
        query,
        workspace_id=workflow.id,
        order=TRIGGERS,
        show=lambda row: TriggerShown.of(row, base),
    )


@router.get("/workflows/{workflow_id}/deployments", openapi_extra=describe(parameters=ListQuery))
async def list_deployments(
    request: Request, caller: Reader, workflow_id: str, tx: ReadTx
) -> Page[DeploymentShown]:
    """List the deployments of a workflow."""
    workflow = await workflows.find(tx, caller.workspace_id, workflow_id)
    query = read_parameters(request, ListQuery)
    page = await read_page(
        tx,
        workflows.select_deployments(workflow.id),
        query,
        workspace_id=workflow.id,
        order=DEPLOYMENTS,
        show=lambda row: row,
    )
    return Page(data=await show_deployments(tx, workflow, page.data), next_cursor=page.next_cursor)


@router.get("/workflows/{workflow_id}/vars")
async def list_vars(request: Request, caller: Reader, workflow_id: str, tx: ReadTx) -> VarList:
    """List the variables of a workflow, secret ones masked."""
    workflow = await workflows.find(tx, caller.workspace_id, workflow_id)
    read_parameters(request, NoParameters)
    return VarList(data=[VarShown.of(one) for one in await variables.list_variables(tx, workflow)])


@router.put("/workflows/{workflow_id}/vars/{var_name}", openapi_extra=describe(body=VarInput))
async def set_var(
    request: Request, caller: WorkflowsWriter, workflow_id: str, var_name: str, parts: Parts
) -> VarShown:
    """Set a variable, which beats the manifest and outlives deployments. New sessions see it at once."""
    await require(caller, workflow_id, parts)
    read_parameters(request, NoParameters)
    given = parse_body(VarInput, await read_bytes(request))
    async with parts.database.write() as tx:
        workflow = await workflows.find(tx, caller.workspace_id, workflow_id, locked=True)
        await variables.set_variable(tx, workflow, var_name, given.value, wiring=parts)
        found = await variables.list_variables(tx, workflow)
        return VarShown.of(next(variable for variable in found if variable.name == var_name))


@router.delete("/workflows/{workflow_id}/vars/{var_name}", status_code=204, response_class=Response)
async def remove_var(
    request: Request, caller: WorkflowsWriter, workflow_id: str, var_name: str, tx: WriteTx, parts: Parts
) -> None:
    """Forget what was set for a variable; the manifest's own value counts again."""
    workflow = await workflows.find(tx, caller.workspace_id, workflow_id, locked=True)
    read_parameters(request, NoParameters)
    await variables.remove_variable(tx, workflow, var_name, wiring=parts)


@router.post(
    "/workflows/{workflow_id}/sessions",
    status_code=202,
    response_model=SessionStarted,
    openapi_extra=describe(body=StartInput),
)
async def start_session(
    request: Request, caller: WorkflowsWriter, workflow_id: str, parts: Parts
) -> Response:
    """Start a session by hand: of what a trigger calls, or of any function of the active deployment."""
    await require(caller, workflow_id, parts)
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)

    async def perform(tx: Tx) -> Answer:
        given = parse_body(StartInput, raw)
        session = await start_by_hand(
            tx, workflow_id, trigger=given.trigger, call=given.call, data=given.data, wiring=parts
        )
        return Answer(202, {"id": session.id}, {"Location": f"/api/v1/sessions/{session.id}"})

    return await answer_once(request, caller, raw, perform)


async def require(caller: Caller, workflow_id: str, parts: Wiring) -> None:
    """Make sure that the workflow of the path is there before the rest of the request is looked at.

    Raises:
        NotFound: it is not.
    """
    async with parts.database.read() as tx:
        await workflows.find(tx, caller.workspace_id, workflow_id)


async def show_deployments(tx: Tx, workflow: Workflow, rows: Sequence[Deployment]) -> list[DeploymentShown]:
    """Return deployments as answers show them, with what they are to their workflow."""
    draining = await workflows.draining_of(tx, [row.id for row in rows])

    def status_of(row: Deployment) -> str:
        if row.id == workflow.active_deployment_id:
            return "active"
        return "draining" if row.id in draining else "inactive"

    return [DeploymentShown.of(row, status_of(row)) for row in rows]
