"""A session that lives in memory and in no time: what `aetherflow.testing` binds handlers to.

Whatever a handler waits for is there at once or never comes; a time-out is over as soon as it begins.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aetherflow.data import Headers, join_pairs
from aetherflow.errors import AetherFlowError, IntegrationError, SessionStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aetherflow.events import Event

T = TypeVar("T")


class Outcome(NamedTuple):
    """One call of `http_outcome` or `send_webhook_response` (kind `http`), or of `outcome` (`value`)."""

    kind: str
    value: Any = None
    status_code: int | None = None
    headers: Headers | None = None
    body: bytes | None = None
    more: bool = False
    event_id: str | None = None


class StepRecord(NamedTuple):
    """A step that ended; `status` is `completed` or `failed`."""

    name: str
    status: str
    duration_ms: int
    error: str | None


class MemorySession:
    """Answers the functions of the author's surface, and keeps what they did."""

    def __init__(
        self,
        session_id: str,
        *,
        is_durable: bool,
        triggers: Mapping[str, Sequence[Event]],
        signals: Iterable[tuple[str, Any]],
        values: Mapping[str, Any],
        answer: Callable[[dict[str, Any]], dict[str, Any]] | None,
    ) -> None:
        self.session_id = session_id
        self.is_durable = is_durable
        self.outcomes: list[Outcome] = []
        self.steps: list[StepRecord] = []
        self.custom_data: dict[str, Any] = {}
        self.values: dict[str, Any] = dict(values)
        self.emitted: list[tuple[str, dict[str, Any]]] = []
        self.emails: list[dict[str, Any]] = []
        self.started: list[dict[str, Any]] = []
        self.signalled: list[tuple[str, str, Any]] = []
        self.waited_seconds = 0.0
        self._triggers = triggers
        self._signals = list(signals)
        self._answer = answer
        # For each subscription, what it has not handed out yet.
        self._pending: dict[str, list[Event]] = {}

    def perform(self, operation: str, arguments: dict[str, Any]) -> Any:
        """See `Binding`."""
        operations: dict[str, Callable[[dict[str, Any]], Any]] = {
            "outcome": self._outcome,
            "custom_data": self._custom_data,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "next_event": self._next_event,
            "next_signal": self._next_signal,
            "sleep": self._sleep,
            "start": self._start,
            "signal": self._signal,
            "emit": self._emit,
            "value": self._value,
            "integration": self._integration,
            "send_email": self._send_email,
        }
        # As over the wire: nothing that the handler changes later changes what it did before.
        return operations[operation](json.loads(json.dumps(arguments)))

    def compute(self, kind: str, name: str, function: Callable[[], T]) -> T:
        """See `Binding`; nothing is recorded, because nothing runs again."""
        return function()

    def tell(self, fact: str, details: dict[str, Any]) -> None:
        """See `Binding`."""
        if fact == "step_ended":
            self.steps.append(StepRecord(**details))

    def _outcome(self, arguments: dict[str, Any]) -> None:
        event_id = arguments["event_id"]
        if arguments["kind"] == "value":
            self.outcomes.append(Outcome("value", value=arguments["value"], event_id=event_id))
            return
        body = arguments["body_base64"]
        self.outcomes.append(
            Outcome(
                "http",
                status_code=arguments["status_code"],
                headers=join_pairs(arguments["headers"]),
                body=None if body is None else b64decode(body),
                more=arguments["more"],
                event_id=event_id,
            )
        )

    def _custom_data(self, arguments: dict[str, Any]) -> None:
        self.custom_data.update(arguments["values"])

    def _subscribe(self, arguments: dict[str, Any]) -> str:
        trigger = arguments["trigger"]
        if trigger not in self._triggers:
            raise AetherFlowError(
                f"trigger {trigger!r} not found; give run(..., triggers={{{trigger!r}: [...]}}) its events"
            )
        subscription_id = f"sub_{len(self._pending) + 1}"
        self._pending[subscription_id] = list(self._triggers[trigger])
        return subscription_id

    def _unsubscribe(self, arguments: dict[str, Any]) -> None:
        self._pending_of(arguments["id"]).clear()

    def _next_event(self, arguments: dict[str, Any]) -> dict[str, Any] | None:
        for pending in [self._pending_of(each) for each in arguments["ids"]]:
            if pending:
                return _stored(pending.pop(0))
        self._expire(arguments["timeout_seconds"], "an event that run(..., triggers=...) does not give")
        return None

    def _next_signal(self, arguments: dict[str, Any]) -> dict[str, Any] | None:
        for place, (name, payload) in enumerate(self._signals):
            if name in arguments["names"]:
                del self._signals[place]
                return {"name": name, "payload": payload}
        self._expire(arguments["timeout_seconds"], "a signal that run(..., signals=...) does not give")
        return None

    def _sleep(self, arguments: dict[str, Any]) -> None:
        self.waited_seconds += arguments["seconds"]

    def _start(self, arguments: dict[str, Any]) -> str:
        self.started.append(arguments)
        return f"ses_{len(self.started)}"

    def _signal(self, arguments: dict[str, Any]) -> None:
        self.signalled.append((arguments["session_id"], arguments["name"], arguments["payload"]))

    def _emit(self, arguments: dict[str, Any]) -> None:
        self.emitted.append((arguments["event_type"], arguments["data"]))

    def _value(self, arguments: dict[str, Any]) -> Any:
        action, key, value = arguments["action"], arguments["key"], arguments["value"]
        stored = self.values.get(key)
        if action == "list":
            return sorted(self.values)
        if action == "get":
            return stored
        if action == "add":
            if isinstance(stored, bool) or not isinstance(stored, (int, float, type(None))):
                raise AetherFlowError(f"the value of {key!r} is no number")
            value = (stored or 0) + value
        if action == "check_and_set" and stored != arguments["expected"]:
            return False
        self.values[key] = value
        if value is None:
            del self.values[key]
        return value if action == "add" else action == "check_and_set"

    def _integration(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if self._answer is None:
            raise IntegrationError(
                f"integration {arguments['name']!r} is not connected; give run(..., integrations=function)",
                integration=arguments["name"],
                error_code="NOT_CONNECTED",
            )
        return self._answer(arguments)

    def _send_email(self, arguments: dict[str, Any]) -> list[str]:
        self.emails.append(arguments)
        return []

    def _pending_of(self, subscription_id: str) -> list[Event]:
        if subscription_id not in self._pending:
            raise AetherFlowError(f"subscription {subscription_id!r} not found")
        return self._pending[subscription_id]

    def _expire(self, timeout_seconds: float | None, awaited: str) -> None:
        if timeout_seconds is None:
            raise SessionStopped(f"the handler waits without a time-out for {awaited}")
        self.waited_seconds += timeout_seconds


def _stored(event: Event) -> dict[str, Any]:
    """Return the request that an event was made of, as the service would hand it out."""
    data = event.data
    body = data.body.bytes
    return {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "method": data.method,
        "raw_url": data.raw_url,
        "suffix": data.url.path_suffix,
        "headers": [[name, value] for name, value in data.headers.items()],
        "body_base64": None if body is None else b64encode(body).decode(),
    }
