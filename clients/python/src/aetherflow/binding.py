"""The seam between the author's functions and whatever runs them.

Every public function checks its arguments and hands the rest to the binding of the process. There is
one binding at a time, because a process runs one session at a time: the runner binds a session of the
service, `aetherflow.testing` one that lives in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aetherflow.errors import AetherFlowError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Binding(Protocol):
    """What a session does for the functions of the author's surface."""

    is_durable: bool
    session_id: str

    def perform(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Ask for an operation and wait for its result; both are JSON values.

        Bytes travel as base64 text in members that end in `_base64`. In a durable session the result
        is recorded, and comes back from the record when the handler runs again.

        Raises:
            AetherFlowError: The service refused.
            SessionStopped: The session was stopped meanwhile.
        """

    def compute(self, kind: str, name: str, function: Callable[[], T]) -> T:
        """Run a function once and record its result, or its exception.

        When the handler of a durable session runs again, the recorded result is returned, or the
        recorded exception raised, and the function is not called. `kind` is `step` or `activity`.
        """

    def tell(self, fact: str, details: dict[str, Any]) -> None:
        """Report a fact, `step_started` or `step_ended`, without waiting for an answer."""


_bound: Binding | None = None


def bind(binding: Binding | None) -> None:
    """Make this the session of the process; None when the session is over."""
    global _bound
    _bound = binding


def current() -> Binding:
    """Return the session of the process.

    Raises:
        AetherFlowError: There is none.
    """
    if _bound is None:
        raise AetherFlowError(
            "this works only inside a session; in a unit test use aetherflow.testing.run(handler, event)"
        )
    return _bound
