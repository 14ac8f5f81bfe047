"""How far the events of sessions may start sessions in turn. Pure.

An event that a session publishes has one hop more than the session, and its deliveries say so in a header. Where such
a delivery arrives at a trigger of this service, its session has that many hops. A workflow that feeds itself is so
told from one that is merely busy, and ends.
"""

from collections.abc import Iterable

HEADER = "x-aetherflow-hops"

# Enough for workflows that hand on to one another by design; a loop of sessions ends after a moment.
MOST_HOPS = 5

# Whoever sends more digits means to break something, and has come too far in any case.
MOST_DIGITS = 4


def read_hops(values: Iterable[str]) -> int:
    """Return the hops that a request says it has behind it: the most of several, none where it says nothing."""
    return max((read_value(value) for value in values), default=0)


def read_value(value: str) -> int:
    """Return one header value as a number; what is none counts as none."""
    text = value.strip()
    if not (text.isascii() and text.isdigit()):
        return 0
    return int(text) if len(text) <= MOST_DIGITS else MOST_HOPS + 1


def is_loop(hops: int) -> bool:
    """Whether a request has come through too many sessions of this service to start another one."""
    return hops > MOST_HOPS


def hops_of_event(session_hops: int) -> int:
    """Return the hops of an event that a session publishes."""
    return session_hops + 1
