"""What `aetherflow`'s functions are bound to while a handler runs: the channel, and for durable ones the journal."""

from __future__ import annotations

import threading
from typing import Any, Callable, TypeVar

from aetherflow.computing import enclosing_computation
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


class DurableSession:
    """A session whose results are recorded, so that it can go on in another process."""

    is_durable = True

    def __init__(self, channel: Channel, session_id: str, journal: Journal) -> None:
        self._channel = channel
        self.session_id = session_id
        self._journal = journal
        self._thread = threading.get_ident()
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

        def run() -> T:
            with self.readings.plain():
                return function()

        return self._journal.compute(kind, name, run)

    def tell(self, fact: str, details: dict[str, Any]) -> None:
        """Tell the service something, unless it was told when the handler ran before."""
        if enclosing_computation() is None and threading.get_ident() == self._thread:
            self._journal.tell(fact, details)
        elif not self._journal.is_replaying:
            # What a step does inside has no records of its own, nor has what another thread does.
            self._channel.send({"tell": fact, "details": details})

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
