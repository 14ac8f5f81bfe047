"""Waiting for requests, for signals and for time.

A wait longer than a few seconds costs nothing: the session is parked, and in a durable session the
process is given up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aetherflow.arguments import check_json, check_seconds, check_text
from aetherflow.binding import Binding, current
from aetherflow.computing import enclosing_computation
from aetherflow.data import wrap
from aetherflow.errors import AetherFlowError
from aetherflow.events import Event, read_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aetherflow.arguments import Duration


class Signal(NamedTuple):
    """What `next_signal` returns; `payload` is a JSON value."""

    name: str
    payload: Any = None


def subscribe(trigger_name: str, filter: str = "") -> str:
    """Listen to the requests of a trigger from now on, and return the id of the subscription.

    The trigger's own event type and filter do not apply, only this filter does, a CEL expression over
    `data` and `event_type`. Each subscription sees every request once, also when several listen to the
    same trigger.

    Raises:
        AetherFlowError: No trigger has this name, or the filter is wrong.
    """
    check_text(trigger_name, "trigger_name")
    if not isinstance(filter, str):
        raise TypeError(f"filter must be a str, not {type(filter).__name__}")
    return str(current().perform("subscribe", {"trigger": trigger_name, "filter": filter}))


def unsubscribe(subscription_id: str) -> None:
    """End a subscription; what it has not handed out yet is dropped."""
    check_text(subscription_id, "subscription_id")
    current().perform("unsubscribe", {"id": subscription_id})


def next_event(
    subscription_id: str | Sequence[str], *, timeout: Duration | None = None, full: bool = False
) -> Event | None:
    """Wait for the next request of a subscription, or of any of several, the first named first.

    `timeout` is in seconds or a timedelta: None waits as long as it takes, 0 does not wait. Returns None
    when the time is over. What is returned answers both `.body.text` and `.data.body.text`, so that
    `full` makes no difference.

    Raises:
        AetherFlowError: A subscription is unknown, or this is inside a step of a durable session.
    """
    ids = _names(subscription_id, "subscription_id")
    seconds = None if timeout is None else check_seconds(timeout, "timeout")
    binding = _binding_that_may_wait("next_event")
    found = binding.perform("next_event", {"ids": ids, "timeout_seconds": seconds})
    return None if found is None else read_event(found, binding.session_id)


def sleep(seconds: Duration) -> None:
    """Wait for this time, in seconds or as a timedelta. In a durable session `time.sleep` does the same.

    Raises:
        AetherFlowError: This is inside a step of a durable session.
    """
    duration = check_seconds(seconds, "seconds")
    _binding_that_may_wait("sleep").perform("sleep", {"seconds": duration})


def signal(session_id: str, name: str, payload: Any = None) -> None:
    """Send a signal to another session, where `next_signal` returns it; `payload` is a JSON value.

    Raises:
        AetherFlowError: There is no such session.
        TypeError, ValueError: JSON cannot hold the payload.
    """
    check_text(session_id, "session_id")
    check_text(name, "name")
    check_json(payload, "payload")
    current().perform("signal", {"session_id": session_id, "name": name, "payload": payload})


def next_signal(names: str | Sequence[str], timeout: Duration | None = None) -> Signal | None:
    """Wait for the next signal of one of these names; None when the time is over.

    Signals queue from the start of the session, and each is taken once. The end of a session that
    `start` began is a signal named by its id, with the payload `{"completed": bool, "value": ...}`.

    Raises:
        AetherFlowError: This is inside a step of a durable session.
    """
    wanted = _names(names, "names")
    seconds = None if timeout is None else check_seconds(timeout, "timeout")
    binding = _binding_that_may_wait("next_signal")
    found = binding.perform("next_signal", {"names": wanted, "timeout_seconds": seconds})
    return None if found is None else Signal(found["name"], wrap(found["payload"]))


def _names(names: object, argument: str) -> list[str]:
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, (list, tuple)):
        raise TypeError(f"{argument} must be a str or a list of them, not {type(names).__name__}")
    if not names:
        raise ValueError(f"{argument} must name at least one")
    return [check_text(name, argument) for name in names]


def _binding_that_may_wait(function: str) -> Binding:
    binding = current()
    inside = enclosing_computation()
    if binding.is_durable and inside is not None:
        raise AetherFlowError(
            f"{function}() cannot wait inside {inside}, because a durable session records it as a whole; "
            f"wait before or after it"
        )
    return binding
