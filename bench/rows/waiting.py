"""Many durable sessions that wait: what they cost, and how soon all are woken by one request."""

import time

from bench.rig import Rig
from bench.row import Figure, Measured, Row
from bench.rows.triggers import PROGRAM

SESSIONS = 10_000
SEND_SECONDS = 120.0
# How long everything may take until it waits, and until it has ended; more is called missing.
PARK_SECONDS = 300.0
WAKE_SECONDS = 180.0
LOOK_SECONDS = 0.25

PARKED = "SELECT COUNT(*) FROM sessions WHERE status = 'waiting' AND leased_until IS NULL"
ENDED = "SELECT COUNT(*) FROM sessions WHERE status = 'completed'"


def prepare(rig: Rig) -> None:
    """One session is woken before, so that what stays once is there before memory is read."""
    paths = rig.stack.deploy(PROGRAM)
    rig.stack.call(paths["wait"])
    until(rig, PARKED, 1, seconds=30)
    rig.stack.call(paths["wake"])
    until(rig, ENDED, 1, seconds=30)


def measure(rig: Rig, _seconds: float) -> Measured:
    """Start them all, wait until they are rows only, and wake them."""
    paths = rig.stack.deploy(PROGRAM)
    before = rig.stack.resident_megabytes()
    sent = rig.call(paths["wait"], SEND_SECONDS, connections=8, most_calls=SESSIONS)
    started = time.perf_counter()
    parked = until(rig, PARKED, SESSIONS, seconds=PARK_SECONDS)
    parking_seconds = time.perf_counter() - started
    waiting = rig.stack.resident_megabytes()
    started = time.perf_counter()
    status = rig.stack.call(paths["wake"])
    ended = until(rig, ENDED, SESSIONS + 1, seconds=WAKE_SECONDS)
    problems = [f"calls not answered 202: {sent.refusals()}"] if sent.refusals() else []
    problems += [f"only {parked} sessions wait"] if parked < SESSIONS else []
    problems += [f"only {ended} sessions were woken"] if ended <= SESSIONS else []
    problems += [f"the request that wakes was answered {status}"] if status != 202 else []
    return Measured(
        {"memory": waiting - before, "wake": time.perf_counter() - started},
        {"before_mb": before, "waiting_mb": waiting, "until_all_wait_s": parking_seconds},
        problems,
    )


def until(rig: Rig, query: str, wanted: int, *, seconds: float) -> int:
    """Waits until a query returns a number or more, and returns the last one."""
    deadline = time.monotonic() + seconds
    while (found := rig.stack.count(query)) < wanted and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return found


WAITING = Row(
    "waiting",
    f"{SESSIONS:,} durable sessions wait, and one request wakes them all",
    (Figure("memory", "memory grows", "MB", 20), Figure("wake", "all have ended", "s", 60)),
    prepare,
    measure,
    is_destructive=True,
)
