"""The leases that this process holds, renewed each second for what is still in hand.

An ordinary delivery is settled long before its first renewal. A lease that could not be renewed in time is
given up: a delivery that waits here with a lapsed lease may be in another process's hands by now.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from app.store.database import is_away
from app.store.hot.contract import HotStore, Work

RENEW_SECONDS = 1.0

# Leases in one statement.
MOST_TOGETHER = 1_000

log = structlog.get_logger()


class Leases:
    """What this process has leased, by delivery id."""

    def __init__(self, hot: HotStore, *, clock: Callable[[], datetime], lease_seconds: float) -> None:
        self._hot = hot
        self._clock = clock
        self._lease = timedelta(seconds=lease_seconds)
        self._held: dict[str, Work] = {}
        self._returns: list[tuple[str, str, int]] = []
        self._returning: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, work: Work) -> None:
        """Keep the lease of a delivery alive from now on."""
        self._held[work.delivery_id] = work

    def take_over(self, work: Work) -> bool:
        """Let a delivery that is in hand go on under the lease of another claim; False when it is not in hand."""
        held = self._held.get(work.delivery_id)
        if held is None:
            return False
        held.token, held.leased_until = work.token, work.leased_until
        return True

    def token_of(self, delivery_id: str) -> int | None:
        """Return the token under which a delivery is held, if it is."""
        held = self._held.get(delivery_id)
        return None if held is None else held.token

    def has_lapsed(self, work: Work) -> bool:
        """Whether the delivery may be in another process's hands."""
        return work.leased_until <= self._clock()

    def drop(self, delivery_id: str) -> None:
        """Let go of a lease that was settled or lost."""
        self._held.pop(delivery_id, None)

    def give_back(self, works: Iterable[Work]) -> None:
        """Release leases soon, many together. If that fails they lapse by themselves."""
        for work in works:
            if self._held.get(work.delivery_id) is work:
                self.drop(work.delivery_id)
            self._returns.append((work.workspace_id, work.delivery_id, work.token))
        if self._returns and self._returning is None:
            self._returning = asyncio.get_running_loop().create_task(self._return_all())

    async def drain(self) -> None:
        """Wait until what was given back is released."""
        while self._returning is not None:
            await asyncio.wait([self._returning])

    async def renew_forever(self) -> None:
        """Renew what is still in hand, once a second."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.renew()
            except Exception as error:
                if not is_away(error):
                    log.exception("renewal_failed")

    async def renew(self) -> None:
        """Renew the leases that were not taken within the last second.

        Raises:
            Exception: what the database driver raises when the database is away.
        """
        now = self._clock()
        fresh = now + self._lease - timedelta(seconds=RENEW_SECONDS)
        works = [work for work in self._held.values() if work.leased_until <= fresh]
        leased_until = now + self._lease
        for start in range(0, len(works), MOST_TOGETHER):
            part = works[start : start + MOST_TOGETHER]
            lost = await self._hot.renew(part, leased_until=leased_until)
            for work in part:
                # What is lost and still waits is not sent when its turn comes; what is in flight ends as it may.
                work.leased_until = now if work.delivery_id in lost else leased_until

    async def _return_all(self) -> None:
        try:
            while self._returns:
                batch: Sequence[tuple[str, str, int]] = self._returns[:MOST_TOGETHER]
                self._returns = self._returns[MOST_TOGETHER:]
                await self._hot.release(batch)
        except Exception as error:
            self._returns.clear()
            if not is_away(error):
                log.exception("release_failed")
        finally:
            self._returning = None
