"""Wiring 1: everything in one process, and hints are function calls."""

import sys

from app.queue import LocalQueue
from app.wiring import Wiring
from delivery.engine import Engine
from delivery.prune import PRUNE_SECONDS, prune
from delivery.sweep import repeat

# The writer thread needs the interpreter for microseconds between its statements. By default it would wait up to
# 5 ms for it each time, while requests keep the main thread busy.
SWITCH_SECONDS = 0.0005


async def start_local_delivery(wiring: Wiring, queue: LocalQueue) -> Engine:
    """Start to deliver in this process, which owns the database alone: leases of a former one are void."""
    sys.setswitchinterval(SWITCH_SECONDS)
    await wiring.database.hot.void_leases()
    await wiring.database.sessions.void_leases()
    engine = Engine(wiring)
    engine.start()
    engine.also(repeat(lambda: prune(wiring), seconds=PRUNE_SECONDS))
    queue.connect(engine.take)
    return engine


async def stop_local_delivery(engine: Engine, queue: LocalQueue) -> None:
    """Stop to deliver; what is published meanwhile waits in the database."""
    queue.connect(None)
    await engine.stop()
