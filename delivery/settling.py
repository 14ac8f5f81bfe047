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
    """Takes results and sees to it that they are recorded.

    `settled` is called with each batch that was. `token_of` names the token under which a delivery is held now, if
    it is: one that lapsed here and was claimed anew by this very process goes on under another. If that comes about
    while its result is on its way, the result is overtaken and goes once more.
    """

    def __init__(
        self,
        hot: HotStore,
        *,
        metrics: Metrics,
        settled: Callable[[Sequence[Settlement]], None],
        token_of: Callable[[str], int | None],
    ) -> None:
        self._hot = hot
        self._settled = settled
        self._token_of = token_of
        self._metrics = metrics
        self._waiting: list[Settlement] = []
        self._flushing: asyncio.Task[None] | None = None
        self.is_behind = False
        """Whether results wait for a database that is away. Whoever claims now would claim what they speak of."""

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
            self.is_behind = False

    async def _record(self, batch: list[Settlement]) -> None:
        """Record a batch, however long that takes; a result that the database cannot hold is given up alone."""
        try:
            await self._settle_when_possible(batch)
        except Exception:
            if len(batch) > 1:
                for settlement in batch:
                    await self._record([settlement])
                return
            log.exception("settling_failed", delivery_id=batch[0].delivery_id)
            self._settled(batch)

    async def _settle_when_possible(self, batch: list[Settlement]) -> None:
        while True:
            try:
                await self._settle(batch)
            except Exception as error:
                if not is_away(error):
                    raise
                self.is_behind = True
                log.warning("settling_waits_for_database", deliveries=len(batch), cause=repr(error))
                await asyncio.sleep(AWAY_SECONDS)
            else:
                return

    async def _settle(self, batch: list[Settlement]) -> None:
        for settlement in batch:
            settlement.token = self._token_of(settlement.delivery_id) or settlement.token
        held = await self._hot.settle(batch)
        overtaken: list[Settlement] = []
        if held < len(batch):
            overtaken = [s for s in batch if self._token_of(s.delivery_id) not in (None, s.token)]
            self._waiting += overtaken
            lost = len(batch) - held - len(overtaken)
            self._metrics.leases_lost.inc(lost)
            log.warning("leases_lost", deliveries=lost, overtaken=len(overtaken))
        dealt_with = [s for s in batch if s not in overtaken] if overtaken else batch
        for result, count in Counter(settlement.result for settlement in dealt_with).items():
            self._metrics.attempts.labels(result).inc(count)
        for settlement in dealt_with:
            self._metrics.attempt_seconds.observe(settlement.duration_ms / 1000)
        self._settled(dealt_with)
