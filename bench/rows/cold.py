"""The first session of a deployment, which nothing has been prepared for."""

import time

from bench.rig import Rig
from bench.row import Figure, Measured, Row
from bench.rows.triggers import PROGRAM

DEPLOYMENTS = 5


def prepare(rig: Rig) -> None:
    """Nothing: the first deployment is the first of its service, too."""


def measure(rig: Rig, _seconds: float) -> Measured:
    """Deploy, and call at once; the slowest of some deployments counts."""
    waits, statuses = [], set()
    for number in range(DEPLOYMENTS):
        paths = rig.stack.deploy(PROGRAM, more={"number.txt": str(number).encode()})
        started = time.perf_counter()
        statuses.add(rig.stack.call(paths["answer"]))
        waits.append((time.perf_counter() - started) * 1e3)
    return Measured(
        {"cold": max(waits)},
        {f"deployment_{number}_ms": wait for number, wait in enumerate(waits, 1)},
        [] if statuses == {200} else [f"answers: {statuses}"],
    )


COLD_START = Row(
    "cold-start",
    f"synchronous trigger, first request after a deployment, slowest of {DEPLOYMENTS}",
    (Figure("cold", "longest", "ms", 300),),
    prepare,
    measure,
    is_destructive=True,
)
