"""How a command says that it did not do what it was asked."""

from collections.abc import Sequence
from enum import IntEnum


class ExitStatus(IntEnum):
    """What the exit status of every command means; other people's scripts rely on these numbers."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    ALREADY_RUNNING = 4
    UNREACHABLE = 5


class Failure(Exception):
    """What was asked failed. The message is one line that says what to do; `details` are further lines."""

    def __init__(
        self, message: str, *, details: Sequence[str] = (), status: ExitStatus = ExitStatus.FAILED
    ) -> None:
        self.message = message
        self.details = tuple(details)
        self.status = status
        super().__init__(message)


def show_problem(message: str, *, path: str, file: str | None, line: int | None) -> str:
    """Return one thing that is wrong with a request, after the place where it is."""
    if file is None:
        return f"{path or 'body'}: {message}"
    return f"{file}: {message}" if line is None else f"{file}:{line}: {message}"
