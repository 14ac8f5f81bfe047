"""When a request through an integration is sent again.

1. Three times at most, after pauses that double.
2. What the service has not begun to process may always be sent again: no connection came about, or it answers 429
   or 503. Anything else only if sending it twice does no more than once: a method that is idempotent (RFC 9110
   section 9.2.2), or an Idempotency-Key.
3. A service that asks for a longer pause than half a minute is not asked again: the handler should not hang on it.
"""

from collections.abc import Sequence
from datetime import datetime

from app.rules.lifecycle import ResultClass
from app.rules.retry import JITTER, parse_retry_after

MOST_RETRIES = 3

# A moment, since a handler and perhaps its caller wait.
FIRST_PAUSE_SECONDS = 0.25

LONGEST_PAUSE_SECONDS = 30.0

IDEMPOTENT = frozenset({"GET", "PUT", "DELETE", "OPTIONS"})

_NOT_PROCESSED = frozenset({429, 503})

# Something in between, or the service itself, may do better the next time; 501 and 505 will not.
_PASSING = frozenset({500, 502, 504})

# How no answer came although the request may have arrived.
_UNANSWERED = frozenset({ResultClass.TIMEOUT, ResultClass.PROTOCOL})

# How a connection failed in a way that may pass.
_UNCONNECTED = frozenset({ResultClass.TIMEOUT, ResultClass.DNS, ResultClass.CONNECT, ResultClass.TLS})


def is_repeatable(method: str, headers: Sequence[tuple[str, str]]) -> bool:
    """Whether sending a request twice does no more than sending it once."""
    return method in IDEMPOTENT or any(name.lower() == "idempotency-key" for name, _ in headers)


def may_help(result: ResultClass, *, status_code: int | None, was_sent: bool, repeatable: bool) -> bool:
    """Whether the same request may be sent again after this answer, and could fare better."""
    if not was_sent:
        return result in _UNCONNECTED
    if status_code in _NOT_PROCESSED:
        return True
    return repeatable and (status_code in _PASSING if status_code is not None else result in _UNANSWERED)


def pause_seconds(retries: int, *, retry_after: str | None, now: datetime, fraction: float) -> float | None:
    """Return how long to wait after so many retries, or None if there is to be no further one.

    `fraction` is chance from 0 to 1; `retry_after` is the header's value.
    """
    if retries >= MOST_RETRIES:
        return None
    pause = FIRST_PAUSE_SECONDS * 2.0**retries * (1 + JITTER * (2 * fraction - 1))
    asked = None if retry_after is None else parse_retry_after(retry_after, now=now)
    if asked is not None and asked > LONGEST_PAUSE_SECONDS:
        return None
    return max(pause, asked or 0.0)
