"""What the inbound engine writes and reads where throughput hangs on it."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from app.store.hot.contract import NewEvent

S = TypeVar("S", bound=msgspec.Struct)


def read_row(kind: type[S], row: Any) -> S:
    """Return a stored row as the struct that was written of it, or would be."""
    return kind(**{name: getattr(row, name) for name in kind.__struct_fields__})


class NewRequest(msgspec.Struct, gc=False):
    """A request to be written. `suffix` as it was sent; `headers` a JSON list of pairs."""

    id: str
    workspace_id: str
    workflow_id: str
    trigger_id: str
    method: str
    raw_url: str
    suffix: str
    headers: bytes
    body: bytes
    received_at: datetime
    peer: str | None
    reason: str | None
    session_id: str | None
    redispatch_of: str | None = None
    dedupe_key: str | None = None


class NewSession(msgspec.Struct, gc=False):
    """A session to be written; leased from birth when whoever writes it will perform it."""

    id: str
    workspace_id: str
    workflow_id: str
    deployment_id: str
    trigger_id: str | None
    request_id: str | None
    call: str
    is_durable: bool
    is_sync: bool
    created_at: datetime
    parent_id: str | None = None
    hops: int = 0
    input: str | None = None
    memo: str | None = None
    leased_until: datetime | None = None
    lease_token: int | None = None


class Receipt(msgspec.Struct, gc=False):
    """A request with the session that it starts; `workflow_version` is the one that it was judged by.

    `event` tells that the session runs, if it does so from birth.
    """

    request: NewRequest
    session: NewSession | None
    workflow_version: int
    event: NewEvent | None = None


class ClaimedSession(msgspec.Struct, gc=False):
    """A leased session with all that performing it takes, but its deployment."""

    id: str
    workspace_id: str
    workflow_id: str
    deployment_id: str
    trigger_id: str | None
    request_id: str | None
    parent_id: str | None
    hops: int
    call: str
    input: str | None
    is_durable: bool
    is_sync: bool
    attempt: int
    deaths: int
    active_seconds: float
    wakes: int
    wait: str | None
    stop_reason: str | None
    stop_forced: bool
    is_stopping: bool
    log_length: int
    created_at: datetime
    started_at: datetime
    custom_data: str | None
    workflow_name: str
    trigger_name: str | None
    workflow_version: int
    token: int
    request: NewRequest | None = None


class NewLogEntry(msgspec.Struct, gc=False):
    """A line of a session's log; `data` is JSON."""

    seq: int
    at: datetime
    kind: str
    text: str | None = None
    data: str | None = None


class NewRecord(msgspec.Struct, gc=False):
    """A recorded result of a durable session."""

    seq: int
    kind: str
    name: str
    result: bytes


class StepState(msgspec.Struct, gc=False):
    """A step as it is now."""

    number: int
    name: str
    status: str
    started_at: datetime
    duration_ms: int | None = None
    error: str | None = None


class NewOutcome(msgspec.Struct, gc=False):
    """An answer to a request; `headers` is a JSON list of pairs."""

    request_id: str
    workspace_id: str
    session_id: str
    status_code: int
    headers: bytes
    body: bytes
    created_at: datetime


class NewSignal(msgspec.Struct, gc=False):
    """What a session is told; `payload` is JSON."""

    id: str
    workspace_id: str
    session_id: str
    name: str
    payload: str
    created_at: datetime


class SessionChange(msgspec.Struct, gc=False):
    """What becomes of a session. With `if_wakes` nothing does, unless it was woken just so often."""

    status: str
    due_at: datetime | None
    keeps_lease: bool
    active_seconds: float
    deaths: int
    wait: str | None = None
    error: str | None = None
    outcome: str | None = None
    result: str | None = None
    custom_data: str | None = None
    finished_at: datetime | None = None
    if_wakes: int | None = None


class Writing(msgspec.Struct):
    """Everything that happened in a session since the last writing; it counts while the token holds the lease.

    `outcome` and `custom_data`, JSON both, are those of the whole session, if they are other ones by now. `event`
    tells of the change.
    """

    session_id: str
    token: int
    log: list[NewLogEntry] = []
    records: list[NewRecord] = []
    steps: list[StepState] = []
    outcomes: list[NewOutcome] = []
    signals: list[NewSignal] = []
    outcome: str | None = None
    custom_data: str | None = None
    change: SessionChange | None = None
    forgets_waits: bool = False
    event: NewEvent | None = None


class Written(msgspec.Struct, gc=False):
    """What became of a writing: nothing, if the lease was another's; `late` names requests answered before."""

    held: bool
    changed: bool = False
    late: frozenset[str] = frozenset()


class LeaseState(msgspec.Struct, gc=False):
    """What a renewal found: the lease, a wish to stop the session, and how often it has been woken."""

    held: bool
    is_stopping: bool = False
    stop_forced: bool = False
    stop_reason: str | None = None
    wakes: int = 0
