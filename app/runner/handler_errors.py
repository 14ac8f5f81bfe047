"""What an operation can raise instead of returning a result for the handler."""

from collections.abc import Mapping
from typing import Any

from app.runner.ends import EndOfPerformance


class HandlerError(Exception):
    """What the handler is to hear as an exception of the named class; `details` are its attributes."""

    def __init__(
        self, message: str, *, kind: str = "AetherFlowError", details: Mapping[str, Any] | None = None
    ) -> None:
        self.kind = kind
        self.details = details or {}
        super().__init__(message)


class HandlerStopped(Exception):
    """The handler is told to stop."""


class SessionEnds(Exception):
    """The performance ends here, whatever the handler does."""

    def __init__(self, end: EndOfPerformance) -> None:
        self.end = end
        super().__init__(type(end).__name__)


class LeaseLost(Exception):
    """Another process has the session by now."""
