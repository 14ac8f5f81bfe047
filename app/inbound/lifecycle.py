"""What the world is told of a session: that it runs for the first time, and how it ended. Pure.

Every session that runs has one `workflow.executed` and, when it has ended, one `workflow.completed` or
`workflow.failed`, whoever performed it and however often. The shapes are those of `app.catalogue.workflow`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.outbound.envelopes import format_timestamp
from app.store.hot.session_rows import ClaimedSession, StepState

EXECUTED = "workflow.executed"
COMPLETED = "workflow.completed"
FAILED = "workflow.failed"

# What is told of a session that somebody stopped.
STOPPED = "STOPPED"

# Steps that an event names at most, the last ones: a receiver reads them, and an event has a largest size.
MOST_STEPS = 200

# The same for a message; the whole of it is in the session's log.
MOST_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Execution:
    """A session as events name it; `trigger` is none if it was started by hand or by another session."""

    id: str
    workflow_id: str
    workflow_name: str
    trigger: str | None
    started_at: datetime

    @classmethod
    def of(cls, session: ClaimedSession) -> "Execution":
        """Return a session that is performed."""
        return cls(
            session.id,
            session.workflow_id,
            session.workflow_name,
            session.trigger_name,
            session.started_at,
        )

    def tell(self, status: str, **members: Any) -> dict[str, Any]:
        """Return the members that all events of a session have."""
        workflow = {"id": self.workflow_id, "name": self.workflow_name, "status": status, **members}
        return {"workflow": workflow, "execution": {"id": self.id, "trigger": self.trigger}}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a session failed. `details` are those of an integration's call, if that was the reason."""

    message: str
    code: str
    retry_count: int
    details: dict[str, Any] | None = None


def tell_start(execution: Execution) -> dict[str, Any]:
    """Return the data of `workflow.executed`."""
    return execution.tell("running", executed_at=format_timestamp(execution.started_at))


def tell_completion(
    execution: Execution,
    *,
    finished_at: datetime,
    steps: Sequence[StepState],
    custom_data: str | None,
    most_bytes: int,
) -> dict[str, Any]:
    """Return the data of `workflow.completed`; `custom_data` is JSON, left out if it makes the event too large."""
    told = execution.tell(
        "completed",
        execution_time=in_milliseconds(finished_at - execution.started_at),
        executed_at=format_timestamp(execution.started_at),
    )
    fits = custom_data is not None and len(custom_data) <= most_bytes
    return {
        **told,
        "steps": [tell_step(step) for step in steps[-MOST_STEPS:]],
        "custom_data": orjson.Fragment(custom_data) if custom_data is not None and fits else {},
    }


def tell_failure(
    execution: Execution, failure: Failure, *, finished_at: datetime, steps: Sequence[StepState]
) -> dict[str, Any]:
    """Return the data of `workflow.failed`."""
    failed = next((step for step in reversed(steps) if step.status == "failed"), None)
    told = execution.tell(
        "failed",
        error_message=failure.message[:MOST_CHARACTERS],
        failed_at=format_timestamp(finished_at),
    )
    return {
        **told,
        "error_details": {
            "step": None if failed is None else step_id(failed),
            "integration": None,
            "error_code": failure.code,
            "retry_count": failure.retry_count,
            **(failure.details or {}),
        },
    }


def tell_step(step: StepState) -> dict[str, Any]:
    """Return a step as receivers see it."""
    return {
        "id": step_id(step),
        "name": step.name,
        "status": step.status,
        "duration": step.duration_ms,
    }


def step_id(step: StepState) -> str:
    """Return the id of a step, which is its place among the session's."""
    return f"step_{step.number}"


def in_milliseconds(duration: timedelta) -> int:
    """Return whole milliseconds, none for a clock that went back."""
    return max(0, round(duration / timedelta(milliseconds=1)))
