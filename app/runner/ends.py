"""How a performance can end."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned; `result` is JSON, `unfit` says why there is none."""

    result: str | None
    unfit: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised, or went beyond a limit.

    `code` is for programs that hear of it. `details` are those of an integration's call that failed and that the
    handler did not catch: `integration`, `error_code` and `retry_count`.
    """

    message: str
    traceback: str | None = None
    code: str = "HANDLER_ERROR"
    details: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended in the middle, by the author's doing."""

    how: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody asked for it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """It waits as a row, and goes on elsewhere."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """This service process ends, or has no process for the session: another one is to take it up, at once or later."""

    after_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The lease is lost: the session is another's."""


EndOfPerformance = Completed | Failed | Died | Stopped | Parked | HandedOver | Abandoned
