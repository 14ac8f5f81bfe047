"""What `aetherflow`'s functions are bound to while a handler runs: the channel, and for durable ones the journal."""

from __future__ import annotations

import threading
from typing import Any, Callable, TypeVar

from aetherflow.errors import AetherFlowError, SessionStopped
from aetherflow.runner.channel import Channel
from aetherflow.runner.journal import Journal, storable
from aetherflow.runner.readings import Readings
from aetherflow.runner.recording import make_refusal

T = TypeVar("T")

# The argument that tells two requests of one kind apart, for the journal.
NAMING = ("trigger", "name", "call", "action", "event_type", "kind", "session_id")


class PlainSession:
    """A session that keeps no journal: when its process dies, it begins again."""

    is_durable = False

    def __init__(self, channel: Channel, session_id: str) -> None:
        self._channel = channel
        self.session_id = session_id
        self._asking = threading.Lock()

    def perform(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Ask the service and wait for its answer."""
        if operation == "outcome":
            # What can be wrong with it was checked before; whether it came first, only the log says.
            self._channel.send({"perform": operation, "arguments": arguments})
            return None
        with self._asking:
            self._channel.send({"perform": operation, "arguments": arguments, "awaited": True})
            return read_answer(self._channel.receive())

    def compute(self, kind: str, name: str, function: Callable[[], T]) -> T:
        """Run it."""
        return function()

    def tell(self, fact: str, details: dict[str, Any]) -> None:
        """Tell the service something that it need not answer."""
        self._channel.send({"tell": fact, "details": details})

    def check_end(self) -> None:
        """Accept that the handler returns."""


class StepNumbers:
    """Numbers steps as they begin, those that come back from the journal as well.

    A handler that runs again comes to the same steps in the same order, so its number tells the service which one it
    is.
    """

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[int, str]] = []

    def skip(self) -> None:
        """Count a step that was recorded and does not run."""
        self._count += 1

    def number(self, fact: str, name: str) -> int:
        """Return the number of a step that begins, or of the last one of its name that has not ended."""
        if fact == "step_started":
            self._count += 1
            self._open.append((self._count, name))
            return self._count
        found = next(step for step in reversed(self._open) if step[1] == name)
        self._open.remove(found)
        return found[0]


class DurableSession:
    """A session whose results are recorded, so that it can go on in another process."""

    is_durable = True

    def __init__(self, channel: Channel, session_id: str, journal: Journal) -> None:
        self._channel = channel
        self.session_id = session_id
        self._journal = journal
        self._thread = threading.get_ident()
        self._steps = StepNumbers()
        self.readings = Readings(journal, lambda seconds: self.perform("sleep", {"seconds": seconds}))

    def perform(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Return what the service answered once, or ask it."""
        self._check_thread()
        name = storable(naming(arguments))
        if self._journal.is_replaying:
            return self._journal.recall(operation, name)
        message = {"perform": operation, "arguments": arguments, "awaited": True}
        self._channel.send({**message, "seq": self._journal.position + 1, "name": name})
        answer = self._channel.receive()
        # What the service refused is recorded as well, so that it is refused again.
        self._journal.next_seq()
        return read_answer(answer)

    def compute(self, kind: str, name: str, function: Callable[[], T]) -> T:
        """Return the result of a step, which is worked out once however often the handler runs."""
        self._check_thread()
        if kind == "step" and self._journal.is_replaying:
            self._steps.skip()

        def run() -> T:
            with self.readings.plain():
                return function()

        return self._journal.compute(kind, name, run)

    def tell(self, fact: str, details: dict[str, Any]) -> None:
        """Tell the service something, unless it was told when the handler ran before."""
        number = self._steps.number(fact, details["name"])
        if not self._journal.is_replaying:
            self._channel.send({"tell": fact, "details": {**details, "number": number}})

    def check_end(self) -> None:
        """Accept that the handler returns.

        Raises:
            DeterminismError: it has gone another way than when it ran before.
        """
        self._journal.check_end()

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise AetherFlowError(
                "In a durable session only the thread of the handler may do this: the order of threads differs "
                "from run to run. Do it in the handler, or put the threads into one step."
            )


def naming(arguments: dict[str, Any]) -> str:
    """Return what a request is about."""
    return next((str(arguments[key]) for key in NAMING if arguments.get(key)), "")


def read_answer(answer: dict[str, Any]) -> Any:
    """Return the result that the service answered.

    Raises:
        AetherFlowError, ValueError, TypeError, KeyError: what it answered instead.
        SessionStopped: the session is to end.
    """
    if "stop" in answer:
        raise SessionStopped(answer["stop"])
    if "error" in answer:
        raise make_refusal(answer["error"])
    return answer.get("result")
