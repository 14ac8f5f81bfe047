"""The events that tell of a session, as whoever performs it publishes them."""

from collections.abc import Sequence
from datetime import datetime

from app.inbound.lifecycle import (
    COMPLETED,
    EXECUTED,
    FAILED,
    STOPPED,
    Execution,
    Failure,
    tell_completion,
    tell_failure,
    tell_start,
)
from app.outbound.announce import Announcer
from app.rules.hops import hops_of_event
from app.runner.ends import Completed, Failed, Stopped
from app.store.hot.contract import NewEvent
from app.store.hot.session_rows import ClaimedSession, StepState


def announce_start(session: ClaimedSession, announcer: Announcer) -> NewEvent:
    """Return the event that tells that a session runs for the first time."""
    return announcer.compose(
        EXECUTED,
        tell_start(Execution.of(session)),
        workspace_id=session.workspace_id,
        hops=hops_of_event(session.hops),
    )


def announce_end(
    session: ClaimedSession,
    end: Completed | Failed | Stopped,
    announcer: Announcer,
    *,
    finished_at: datetime,
    steps: Sequence[StepState],
    custom_data: str | None,
) -> NewEvent:
    """Return the event that tells how a session ended; `custom_data` is JSON."""
    execution = Execution.of(session)
    if isinstance(end, Completed):
        event_type = COMPLETED
        data = tell_completion(
            execution,
            finished_at=finished_at,
            steps=steps,
            custom_data=custom_data,
            most_bytes=announcer.wiring.settings.event_max_bytes,
        )
    else:
        event_type = FAILED
        failure = describe_failure(end, retry_count=session.deaths)
        data = tell_failure(execution, failure, finished_at=finished_at, steps=steps)
    return announcer.compose(
        event_type, data, workspace_id=session.workspace_id, hops=hops_of_event(session.hops)
    )


def describe_failure(end: Failed | Stopped, *, retry_count: int) -> Failure:
    """Return why a session failed."""
    if isinstance(end, Stopped):
        return Failure(end.reason, STOPPED, retry_count)
    return Failure(end.message, end.code, retry_count, end.details)
