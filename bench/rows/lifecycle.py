"""What it costs that the world hears of sessions, and how soon it does."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bench.ledger import percentile
from bench.rig import Rig
from bench.row import Figure, Measured, Row
from bench.rows.triggers import IDLE_CALLS_PER_SECOND, WARM_UP_SECONDS, path_of
from bench.rows.waiting import until
from tests.faults.records import to_ns

EVENTS = ("workflow.*",)
ENDPOINTS = 3
SESSIONS = 1_500
SEND_SECONDS = 60.0
# What has not happened by then is called missing.
DRAIN_SECONDS = 60.0

ENDED = "SELECT COUNT(*) FROM sessions WHERE finished_at IS NOT NULL"
# Negative, because a query is waited for until it has risen.
UNDELIVERED = "SELECT -COUNT(*) FROM deliveries WHERE status = 'pending'"
ARRIVALS = """
SELECT e.body, a.started_at, a.first_byte_ms
FROM events e JOIN deliveries d ON d.event_id = e.id JOIN attempts a ON a.delivery_id = d.id
WHERE e.type = 'workflow.completed' ORDER BY d.id
"""


def register(rig: Rig, count: int) -> None:
    """Registers endpoints for all that is told of workflows."""
    for number in range(count):
        rig.register(f"/ok/{number}", events=EVENTS)


def measure_answers(rig: Rig, seconds: float) -> Measured:
    """Half the time without endpoints, half with some: calls far apart, and one after the other."""
    path = path_of(rig, "answer")
    idle: dict[str, Any] = {"connections": 4, "accepted": 200, "calls_per_second": IDLE_CALLS_PER_SECOND}
    busy: dict[str, Any] = {"connections": 1, "accepted": 200}
    rig.call(path, WARM_UP_SECONDS, **busy)
    silent = [percentile(rig.call(path, seconds / 2, **load).waits_ms(), 50) for load in (idle, busy)]
    register(rig, ENDPOINTS)
    rig.call(path, WARM_UP_SECONDS, **busy)
    told = [percentile(rig.call(path, seconds / 2, **load).waits_ms(), 50) for load in (idle, busy)]
    until_delivered(rig)
    return Measured(
        {"idle": told[0] / silent[0], "busy": told[1] / silent[1]},
        {
            "idle_silent_p50_ms": silent[0],
            "idle_told_p50_ms": told[0],
            "busy_silent_p50_ms": silent[1],
            "busy_told_p50_ms": told[1],
        },
    )


def prepare_arrivals(rig: Rig) -> None:
    """One endpoint, and a warm process."""
    register(rig, 1)
    rig.call(path_of(rig, "timed"), WARM_UP_SECONDS, connections=1)


def measure_arrivals(rig: Rig, seconds: float) -> Measured:
    """Sessions so far apart that each is alone; the handler says when it ends."""
    path = path_of(rig, "timed")
    until_delivered(rig)
    known = len(rig.stack.rows(ARRIVALS))
    sent = rig.call(path, seconds, connections=4, calls_per_second=IDLE_CALLS_PER_SECOND)
    until_delivered(rig)
    delays = sorted(delay_ms(row) for row in rig.stack.rows(ARRIVALS)[known:])
    missing = sent.accepted_calls - len(delays)
    return Measured(
        {"p50": percentile(delays, 50), "p99": percentile(delays, 99)},
        {"sessions": len(delays), "longest_ms": percentile(delays, 100)},
        [f"{missing} sessions are not told of"] if missing else [],
    )


def measure_sessions(rig: Rig, _seconds: float) -> Measured:
    """As many sessions as come at once, from the first request to the end of the last session."""
    path, before = path_of(rig, "background"), rig.stack.count(ENDED)
    sent = rig.call(path, SEND_SECONDS, connections=16, most_calls=SESSIONS)
    ended = until(rig, ENDED, before + SESSIONS, seconds=DRAIN_SECONDS) - before
    [[last]] = rig.stack.rows("SELECT MAX(finished_at) FROM sessions")
    took = (to_ns(last) - sent.due_ns[0]) / 1e9
    left = until_delivered(rig)
    problems = [f"only {ended} sessions have ended"] if ended < SESSIONS else []
    problems += [f"{left} deliveries are left"] if left else []
    return Measured({"rate": ended / took}, {"sessions": ended, "seconds": took}, problems)


def prepare_sessions(rig: Rig) -> None:
    """One endpoint, which gets two deliveries of each session."""
    register(rig, 1)
    rig.call(path_of(rig, "background"), WARM_UP_SECONDS, connections=1)


def until_delivered(rig: Rig) -> int:
    """Waits until nothing is on its way, and returns how much still is."""
    return -until(rig, UNDELIVERED, 0, seconds=DRAIN_SECONDS)


def delay_ms(row: Sequence[Any]) -> float:
    """From the last line of the handler until the receiver's answer has begun."""
    body, started_at, first_byte_ms = row
    ended_ns: int = json.loads(body)["data"]["custom_data"]["ended_ns"]
    assert isinstance(started_at, int | datetime)
    return (to_ns(started_at) - ended_ns) / 1e6 + first_byte_ms


ANSWER_TOLD = Row(
    "answer-told",
    f"synchronous trigger, {ENDPOINTS} endpoints hear of each session, against none",
    (
        Figure("idle", f"p50 with / without, {IDLE_CALLS_PER_SECOND}/s", "times", 1.3),
        Figure("busy", "p50 with / without, one call after the other", "times", 1.3),
    ),
    lambda _: None,
    measure_answers,
    # Of each run the first half has no endpoints.
    is_destructive=True,
)
COMPLETED_IDLE = Row(
    "completed-idle",
    f"from the handler's end to the receiver's answer to workflow.completed, {IDLE_CALLS_PER_SECOND}/s",
    (Figure("p50", "p50", "ms"), Figure("p99", "p99", "ms", 25)),
    prepare_arrivals,
    measure_arrivals,
)
SESSIONS_TOLD = Row(
    "sessions-told",
    "asynchronous sessions, trivial handler, each told of twice to one endpoint",
    (Figure("rate", "sessions", "/s", 300, "higher"),),
    prepare_sessions,
    measure_sessions,
    is_destructive=True,
)
