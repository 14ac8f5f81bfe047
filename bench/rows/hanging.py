"""What an endpoint that never answers costs the others."""

import time

from bench.ledger import percentile
from bench.rig import Rig
from bench.row import Figure, Measured, Row

ENDPOINTS = 10
EVENTS_PER_SECOND = 200
TYPES = tuple(f"bench.lane_{number}" for number in range(ENDPOINTS))
HEALTHY = frozenset(f"/ok/{number}" for number in range(1, ENDPOINTS))
# Longer than an attempt's 10 seconds, so that time-outs, the smaller lane and the breaker are all in it.
HANG_SECONDS = 15.0
CHANGE_SECONDS = 1.5  # a changed URL reaches every process within one second


def prepare(rig: Rig) -> None:
    """Ten endpoints, each with a type of its own."""
    for number, name in enumerate(TYPES):
        rig.register(f"/ok/{number}", events=[name])
    rig.warm_up(calls_per_second=EVENTS_PER_SECOND, types=TYPES)


def measure(rig: Rig, seconds: float) -> Measured:
    """The healthy nine before and while the first one hangs."""
    before = rig.publish(seconds, calls_per_second=EVENTS_PER_SECOND, types=TYPES)
    endpoints = rig.stack.request("GET", "/endpoints")["data"]
    first = next(endpoint["id"] for endpoint in endpoints if endpoint["url"] == rig.url("/ok/0"))
    rig.stack.request("PATCH", f"/endpoints/{first}", {"url": rig.url("/hang/0")})
    time.sleep(CHANGE_SECONDS)
    during = rig.publish(HANG_SECONDS, expects=is_healthy, calls_per_second=EVENTS_PER_SECOND, types=TYPES)
    usual = percentile(before.ledger.delays_ms(at=HEALTHY), 99)
    disturbed = percentile(during.ledger.delays_ms(at=HEALTHY), 99)
    attempts = sum(target.startswith("/hang/") for _, _, target in during.arrivals.each())
    return Measured(
        {"ratio": disturbed / usual, "before": usual, "during": disturbed},
        {**during.facts(), "attempts_that_hung": attempts},
        before.problems() + during.problems(),
    )


def is_healthy(number: int) -> bool:
    """Whether an event goes to one of the nine: types are taken in turn by number."""
    return number % ENDPOINTS != 0


HANGING = Row(
    "hanging",
    f"healthy endpoints while 1 of {ENDPOINTS} hangs, {EVENTS_PER_SECOND} events/s in all",
    (
        Figure("ratio", "p99 while it hangs, of that before", "times", 2),
        Figure("before", "p99 before", "ms"),
        Figure("during", "p99 while it hangs", "ms"),
    ),
    prepare,
    measure,
    is_destructive=True,
)
