"""Resident memory of the embedded service: idle, and while many deliveries wait."""

import time

from bench.rig import Rig
from bench.row import Figure, Measured, Row
from bench.stack import Database

PENDING = 100_000
EVENTS_PER_CALL = 1000
IDLE_SECONDS = 3.0  # what starting up has left to do is done by then
# A little longer than the hanging attempts, so that their time-outs and retries are seen too.
WATCH_SECONDS = 12.0
LOOK_SECONDS = 0.25
PUBLISH_SECONDS = 60.0


def prepare(rig: Rig) -> None:
    """Nothing: the first figure is that of a service that has just started."""


def measure(rig: Rig, _seconds: float) -> Measured:
    """Idle first, then with an endpoint that never answers."""
    time.sleep(IDLE_SECONDS)
    idle = rig.stack.resident_megabytes()
    rig.register("/hang/one")
    outcome = rig.publish(
        PUBLISH_SECONDS,
        expects=lambda _: False,
        batch=True,
        events_per_call=EVENTS_PER_CALL,
        connections=2,
        most_calls=PENDING // EVENTS_PER_CALL,
    )
    readings = []
    for _ in range(round(WATCH_SECONDS / LOOK_SECONDS)):
        readings.append(rig.stack.resident_megabytes())
        time.sleep(LOOK_SECONDS)
    waiting = rig.stack.request("GET", "/deliveries?status=pending&limit=1")["data"]
    problems = [*outcome.problems()] + ([] if waiting else ["no delivery is pending"])
    return Measured(
        {"idle": idle, "pending": max(readings)},
        {
            "accepted": outcome.sent.accepted_events,
            "attempts": outcome.deliveries,
            "at_the_end": readings[-1],
        },
        problems,
    )


MEMORY = Row(
    "memory",
    "resident memory of the embedded service, all its processes",
    (
        Figure("idle", "idle", "MB", 120),
        Figure("pending", f"{PENDING:,} deliveries pending", "MB", 200),
    ),
    prepare,
    measure,
    (Database.SQLITE,),
    is_destructive=True,
)
