"""What goes wrong in a handler that is not the handler's own doing.

Wrong arguments are ValueError and TypeError, as everywhere in Python.
"""

from __future__ import annotations


class AetherFlowError(Exception):
    """A call to the service failed, or was made where it cannot work; the text says what to do."""


class IntegrationError(AetherFlowError):
    """A request through an integration came to no answer that the handler could use.

    `integration` is its name. `error_code` says why: TIMEOUT, DNS, CONNECT, TLS, BLOCKED, PROTOCOL, TOO_LARGE,
    NOT_CONNECTED, or the status that was answered, such as HTTP_503. `retry_count` tells how often the request was
    sent again.
    """

    def __init__(self, message: str, *, integration: str, error_code: str, retry_count: int = 0) -> None:
        super().__init__(message)
        self.integration = integration
        self.error_code = error_code
        self.retry_count = retry_count


class SessionStopped(BaseException):
    """The session is being stopped: an operator asked for it, or its time is over.

    Not an `Exception`, so that `except Exception` in a handler does not keep the session alive. Clean
    up and let it pass; the process is ended by force when it lingers.
    """
