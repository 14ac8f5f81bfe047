"""Records attempts in batches.

A result waits some milliseconds for others, because nobody waits for it: its lease holds meanwhile. While the
database is away results stay here and are tried again; whoever claims the delivery then gets a new token, so
what comes too late changes nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from app.store.database import is_away
from app.store.hot.contract import HotStore, Settlement
from app.telemetry import Metrics

# Long enough to gather a batch under load, short enough for a person who watches a delivery.
GATHER_SECONDS = 0.01

# Results in one statement.
MOST_TOGETHER = 400

# Pause before a database that is away is tried again.
AWAY_SECONDS = 0.5

log = structlog.get_logger()


class Settler:
    """Takes results and sees to it that they are recorded. `settled` is called with each batch that was."""

    def __init__(
        self, hot: HotStore, *, metrics: Metrics, settled: Callable[[Sequence[Settlement]], None]
    ) -> None:
        self._hot = hot
        self._settled = settled
        self._metrics = metrics
        self._waiting: list[Settlement] = []
        self._flushing: asyncio.Task[None] | None = None

    def put(self, settlement: Settlement) -> None:
        """Take a result."""
        self._waiting.append(settlement)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def drain(self) -> None:
        """Wait until everything is recorded."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(GATHER_SECONDS)
                batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                await self._record(batch)
        finally:
            self._flushing = None

    async def _record(self, batch: list[Settlement]) -> None:
        while True:
            try:
                await self._settle(batch)
            except Exception as error:
                if not is_away(error):
                    return await self._record_singly(batch)
                log.warning("settling_waits_for_database", deliveries=len(batch), cause=repr(error))
                await asyncio.sleep(AWAY_SECONDS)
            else:
                return None

    async def _record_singly(self, batch: list[Settlement]) -> None:
        """Keep one result that the database cannot hold from taking the others with it."""
        for settlement in batch:
            try:
                await self._settle([settlement])
            except Exception:
                log.exception("settling_failed", delivery_id=settlement.delivery_id)
                self._settled([settlement])

    async def _settle(self, batch: list[Settlement]) -> None:
        held = await self._hot.settle(batch)
        for result, count in Counter(settlement.result for settlement in batch).items():
            self._metrics.attempts.labels(result).inc(count)
        for settlement in batch:
            self._metrics.attempt_seconds.observe(settlement.duration_ms / 1000)
        if held < len(batch):
            self._metrics.leases_lost.inc(len(batch) - held)
            log.warning("leases_lost", deliveries=len(batch) - held)
        self._settled(batch)
