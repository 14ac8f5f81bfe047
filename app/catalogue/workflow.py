"""The types that tell what happens to workflows and to their sessions."""

from typing import Literal

from pydantic import Field, JsonValue

from app.catalogue.event_type import EventType
from app.catalogue.payload import Changes, Identifier, Milliseconds, Moment, Payload


class Trigger(Payload):
    """What starts a workflow. Its URL is left out: who knows it can start the workflow."""

    id: Identifier
    name: str
    type: Literal["webhook", "schedule"]


class Workflow(Payload):
    """A workflow as it stands after what happened."""

    id: Identifier
    name: str
    status: str
    version: int | None = Field(description="The number of the deployment; null before the first.")
    triggers: list[Trigger]
    created_at: Moment
    updated_at: Moment


class DeletedWorkflow(Workflow):
    """A workflow as it stood when it was deleted."""

    deleted_at: Moment


class WorkflowCreated(Payload):
    """A workflow came into being."""

    workflow: Workflow


class WorkflowUpdated(Payload):
    """A workflow changed."""

    workflow: Workflow
    changes: Changes = Field(description="The fields that changed, each with its value before and after.")


class WorkflowDeleted(Payload):
    """A workflow was deleted."""

    workflow: DeletedWorkflow


class RunningWorkflow(Payload):
    """A workflow of which an execution starts."""

    id: Identifier
    name: str
    status: Literal["running"]
    executed_at: Moment = Field(description="When the execution started.")


class Execution(Payload):
    """One execution of a workflow: a session."""

    id: Identifier
    trigger: str | None = Field(description="The trigger's name; null when it was started by hand.")


class WorkflowExecuted(Payload):
    """An execution started."""

    workflow: RunningWorkflow
    execution: Execution


class CompletedWorkflow(Payload):
    """A workflow of which an execution completed."""

    id: Identifier
    name: str
    status: Literal["completed"]
    execution_time: Milliseconds = Field(description="How long the execution took, in milliseconds.")
    executed_at: Moment = Field(description="When the execution started.")


class Step(Payload):
    """A named part of an execution."""

    id: Identifier
    name: str
    status: str
    duration: Milliseconds | None = Field(description="In milliseconds; null for a step that did not finish.")


class WorkflowCompleted(Payload):
    """An execution completed."""

    workflow: CompletedWorkflow
    execution: Execution
    steps: list[Step] = Field(description="The named steps, in the order of their start.")
    custom_data: dict[str, JsonValue] = Field(description="What the workflow set itself.")


class FailedWorkflow(Payload):
    """A workflow of which an execution failed."""

    id: Identifier
    name: str
    status: Literal["failed"]
    error_message: str
    failed_at: Moment


class ExecutionError(Payload):
    """Where and how an execution failed."""

    step: str | None = Field(description="The id of the step that failed; null outside of any step.")
    integration: str | None = Field(description="The integration's name; null where none took part.")
    error_code: str
    retry_count: int = Field(
        ge=0, description="How often the integration's call, or else the execution, had been tried again."
    )


class WorkflowFailed(Payload):
    """An execution failed."""

    workflow: FailedWorkflow
    execution: Execution
    error_details: ExecutionError


_ID = "wf_0198c7a25e4f7c31b2d09a6f41e8d375"
_NAME = "Invoice intake"
_WORKFLOW = {
    "id": _ID,
    "name": _NAME,
    "status": "enabled",
    "version": 1,
    "triggers": [
        {"id": "trg_0198c7a25e527ab08f13c6d4927be560", "name": "invoice_received", "type": "webhook"},
        {"id": "trg_0198c7a25e537d949c2ef07a18b5634d", "name": "nightly", "type": "schedule"},
    ],
    "created_at": "2026-03-02T09:15:27.042Z",
    "updated_at": "2026-03-02T09:15:27.042Z",
}
_STARTED_AT = "2026-03-02T10:30:04.318Z"
_EXECUTION = {"id": "ses_0198c7e6b1ce7f0e95a43d287c60b1f9", "trigger": "invoice_received"}

TYPES = (
    EventType(
        "workflow.created",
        description="A workflow was created.",
        model=WorkflowCreated,
        example={"workflow": _WORKFLOW},
    ),
    EventType(
        "workflow.updated",
        description="A workflow's settings or files changed.",
        model=WorkflowUpdated,
        example={
            "workflow": _WORKFLOW | {"version": 2, "updated_at": "2026-03-04T16:02:51.907Z"},
            "changes": {
                "version": {"from": 1, "to": 2},
                "description": {"from": None, "to": "Reads invoices and files them."},
            },
        },
    ),
    EventType(
        "workflow.deleted",
        description="A workflow was deleted.",
        model=WorkflowDeleted,
        example={
            "workflow": _WORKFLOW | {"status": "deleted", "deleted_at": "2026-03-09T08:00:13.660Z"},
        },
    ),
    EventType(
        "workflow.executed",
        description="An execution of a workflow started.",
        model=WorkflowExecuted,
        example={
            "workflow": {"id": _ID, "name": _NAME, "status": "running", "executed_at": _STARTED_AT},
            "execution": _EXECUTION,
        },
    ),
    EventType(
        "workflow.completed",
        description="An execution of a workflow completed.",
        model=WorkflowCompleted,
        example={
            "workflow": {
                "id": _ID,
                "name": _NAME,
                "status": "completed",
                "execution_time": 1840,
                "executed_at": _STARTED_AT,
            },
            "execution": _EXECUTION,
            "steps": [
                {"id": "step_1", "name": "Read the invoice", "status": "completed", "duration": 1215},
                {"id": "step_2", "name": "File it", "status": "completed", "duration": 480},
            ],
            "custom_data": {"invoice_number": "2026-0117", "amount": 249.5, "approved": True},
        },
    ),
    EventType(
        "workflow.failed",
        description="An execution of a workflow failed.",
        model=WorkflowFailed,
        example={
            "workflow": {
                "id": _ID,
                "name": _NAME,
                "status": "failed",
                "error_message": "The ledger did not answer within 30 seconds.",
                "failed_at": "2026-03-02T10:31:37.085Z",
            },
            "execution": _EXECUTION,
            "error_details": {
                "step": "step_2",
                "integration": "ledger",
                "error_code": "TIMEOUT",
                "retry_count": 2,
            },
        },
    ),
)
