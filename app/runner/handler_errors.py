"""What an operation can raise instead of returning a result for the handler."""

from app.runner.ends import EndOfPerformance


class HandlerError(Exception):
    """The handler's mistake, raised in the handler as an exception of the named class."""

    def __init__(self, message: str, *, kind: str = "AetherFlowError") -> None:
        self.kind = kind
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
