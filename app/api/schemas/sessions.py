"""Sessions and their logs, as the API shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from app.api.bodies import Input
from app.api.validation import Text
from app.store.models import Session, Step

SessionStatus = Literal["created", "running", "waiting", "completed", "failed", "stopped"]

EntryKind = Literal["state", "print", "step", "outcome", "wait", "stop", "retry", "error"]


class SessionShown(BaseModel):
    """A session in a list."""

    id: str
    workflow_id: str
    deployment_id: str
    trigger_id: Annotated[str | None, Field(description="Null when it was started in another way.")]
    trigger: Annotated[str | None, Field(description="The trigger's name.")]
    request_id: str | None
    parent_id: Annotated[str | None, Field(description="The session that started this one.")]
    call: Annotated[str, Field(description="The function that runs, `path.py:function`.")]
    status: SessionStatus
    is_durable: bool
    is_sync: Annotated[bool, Field(description="Whether a caller waited for its answer.")]
    attempt: Annotated[int, Field(description="How often it was taken up; 0 before the first time.")]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    stopping_at: Annotated[datetime | None, Field(description="Since when it is to stop.")]
    stop_reason: str | None
    error: Annotated[
        str | None, Field(description="Why it failed or was stopped. The log has the traceback.")
    ]

    @classmethod
    def of(cls, row: Session, trigger: str | None) -> Self:
        """Show a row; `trigger` is the name."""
        names = cls.model_fields.keys() & Session.__table__.columns.keys()
        return cls(**{name: getattr(row, name) for name in names}, trigger=trigger)


class StepShown(BaseModel):
    """A named part of a session's work."""

    number: Annotated[int, Field(description="From 1, in the order in which they began.")]
    name: str
    status: Literal["running", "completed", "failed"]
    started_at: datetime
    duration_ms: Annotated[int | None, Field(description="Null until it ends.")]
    error: str | None

    @classmethod
    def of(cls, row: Step) -> Self:
        """Show a row."""
        return cls.model_validate(row, from_attributes=True)


class SessionDetail(SessionShown):
    """A session with what it did and left."""

    outcome: Annotated[
        Any,
        Field(description="What it answered: `{status_code, headers, body}`, or `{value}`; null if nothing."),
    ]
    result: Annotated[Any, Field(description="What the function returned.")]
    steps: list[StepShown]
    custom_data: Annotated[Any, Field(description="What the handler attached, by name; null if nothing.")]
    memo: Annotated[Any, Field(description="What the session that started this one said of it.")]


class LogEntryShown(BaseModel):
    """A line of a session's log."""

    seq: Annotated[int, Field(description="From 1, in order.")]
    at: datetime
    kind: EntryKind
    text: Annotated[str | None, Field(description="Left out when there is none.")] = None
    data: Annotated[Any, Field(description="Left out when there is none.")] = None


class LogPage(BaseModel):
    """A part of a session's log, the oldest entry first."""

    data: list[LogEntryShown]
    next_cursor: str | None


class StopInput(Input):
    """How to stop a session."""

    reason: Annotated[
        Annotated[Text, Field(max_length=500)] | None,
        Field(description="For the log, and for who asks why it ended."),
    ] = None
    force: Annotated[bool, Field(description="Whether its process is ended at once, without any grace.")] = (
        False
    )
