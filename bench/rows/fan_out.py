"""How many deliveries a second one worker sustains when every event goes to ten endpoints.

First the capacity: batches are published as long as no more than a bounded number of deliveries is on its
way. A bound hides delays, though, because it stops the load when the service stops; so the delays are taken
from a second phase, in which batches fall due by the clock.
"""

import math
from typing import Any

from bench.ledger import percentile
from bench.rig import Rig
from bench.row import Figure, Measured, Row

ENDPOINTS = 10
EVENTS_PER_CALL = 10
DELIVERIES_PER_CALL = ENDPOINTS * EVENTS_PER_CALL
TARGET = 8000
# A tenth of a second's worth at the target: more could not arrive within the 100 ms that are allowed.
WINDOW = 800
SKIP_SECONDS = 1.0  # until the window has filled and the lanes have widened
OPEN_SHARE = 0.9  # of the capacity, when that is below the target


def prepare(rig: Rig) -> None:
    """Ten endpoints for the same type."""
    for number in range(ENDPOINTS):
        rig.register(f"/ok/{number}")
    rig.warm_up(**load(), window=WINDOW)


def measure(rig: Rig, seconds: float) -> Measured:
    """Half the time for the capacity, half for the delays at a fixed rate."""
    bounded = rig.publish(seconds / 2 + SKIP_SECONDS, **load(), window=WINDOW)
    from_ns, until_ns = bounded.started_ns + round(SKIP_SECONDS * 1e9), max(bounded.sent.due_ns)
    capacity = bounded.arrivals.between(from_ns, until_ns) / (until_ns - from_ns) * 1e9
    if capacity < DELIVERIES_PER_CALL:
        return Measured({"capacity": capacity, "p99": math.nan}, bounded.facts(), bounded.problems())
    rate = TARGET if capacity >= TARGET else capacity * OPEN_SHARE
    steady = rig.publish(seconds / 2, **load(), calls_per_second=rate / DELIVERIES_PER_CALL)
    delays = steady.ledger.delays_ms()
    return Measured(
        {"capacity": capacity, "p99": percentile(delays, 99)},
        {**bounded.facts(), "steady_per_second": rate, "steady_p50_ms": percentile(delays, 50)},
        bounded.problems() + steady.problems(),
    )


def load() -> dict[str, Any]:
    """What both phases publish."""
    return {
        "batch": True,
        "events_per_call": EVENTS_PER_CALL,
        "deliveries_per_event": ENDPOINTS,
        "connections": 8,
    }


FAN_OUT = Row(
    "fan-out",
    f"sustained deliveries with {ENDPOINTS}-way fan-out, one worker",
    (
        Figure("capacity", "deliveries", "/s", TARGET, "higher"),
        Figure("p99", f"p99 at {TARGET:,}/s, or at 90 % of less", "ms", 100),
    ),
    prepare,
    measure,
)
