"""How many deliveries a second one endpoint gets whose receiver is healthy but slow."""

from collections.abc import Mapping
from typing import Any

from bench.rig import Rig
from bench.row import Figure, Measured, Row

ANSWER_MS = 50
# Half a second's worth at the target: room for any number of attempts at once that the service may choose.
WINDOW = 1250
LOAD: Mapping[str, Any] = {"batch": True, "events_per_call": 50, "connections": 4, "window": WINDOW}
SKIP_SECONDS = 1.0


def prepare(rig: Rig) -> None:
    """One endpoint; the service widens its lane while warming up."""
    rig.register(f"/slow/one?ms={ANSWER_MS}")
    rig.warm_up(**LOAD)


def measure(rig: Rig, seconds: float) -> Measured:
    """Batches with a bounded number of deliveries on their way."""
    outcome = rig.publish(seconds, **LOAD)
    from_ns, until_ns = outcome.started_ns + round(SKIP_SECONDS * 1e9), max(outcome.sent.due_ns)
    rate = outcome.arrivals.between(from_ns, until_ns) / (until_ns - from_ns) * 1e9
    return Measured(
        {"deliveries": rate},
        {**outcome.facts(), "attempts_at_once": rate * ANSWER_MS / 1000},
        outcome.problems(),
    )


SLOW_RECEIVER = Row(
    "slow-receiver",
    f"sustained deliveries to one endpoint that answers after {ANSWER_MS} ms",
    (Figure("deliveries", "deliveries", "/s", 2500, "higher"),),
    prepare,
    measure,
)
