"""What goes wrong in a handler that is not the handler's own doing.

Wrong arguments are ValueError and TypeError, as everywhere in Python.
"""

from __future__ import annotations


class AetherFlowError(Exception):
    """A call to the service failed, or was made where it cannot work; the text says what to do."""


class SessionStopped(BaseException):
    """The session is being stopped: an operator asked for it, or its time is over.

    Not an `Exception`, so that `except Exception` in a handler does not keep the session alive. Clean
    up and let it pass; the process is ended by force when it lingers.
    """
