"""Processor time of all server processes for each delivery, at a steady rate well below the capacity."""

from typing import Any

from bench.rig import Rig
from bench.row import Figure, Measured, Row


def row(name: str, title: str, target_ms: float, *, endpoints: int, calls_per_second: int) -> Row:
    """The row for one fan-out, every event published by a call of its own."""
    load: dict[str, Any] = {"calls_per_second": calls_per_second, "deliveries_per_event": endpoints}

    def prepare(rig: Rig) -> None:
        for number in range(endpoints):
            rig.register(f"/ok/{number}")
        rig.warm_up(**load)

    def measure(rig: Rig, seconds: float) -> Measured:
        outcome = rig.publish(seconds, **load)
        return Measured(
            {"processor": outcome.server_seconds / outcome.deliveries * 1000},
            outcome.facts(),
            outcome.problems(),
        )

    figure = Figure("processor", "processor time per delivery", "ms", target_ms)
    return Row(name, title, (figure,), prepare, measure)


PROCESSOR_SINGLE = row(
    "processor-single",
    "all server processes at 1,000 deliveries/s, single publish",
    0.5,
    endpoints=1,
    calls_per_second=1000,
)
PROCESSOR_FAN_OUT = row(
    "processor-fan-out",
    "all server processes at 4,000 deliveries/s, 10-way fan-out",
    0.15,
    endpoints=10,
    calls_per_second=400,
)
