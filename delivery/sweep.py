"""The net below all hints: due work is looked for in the database, whatever was told or not told.

It finds retries that are due, deliveries whose process died, and everything whose hint was lost.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.errors import Unavailable
from app.integrations.rounds import check_due
from app.store.database import is_away
from app.wiring import Wiring
from delivery.deliver import Deliverer
from delivery.endpoints import EndpointBook

# Endpoints that one look finds.
MOST_ENDPOINTS = 2_000

# Half of the second within which a changed endpoint must be known everywhere.
REFRESH_SECONDS = 0.5

log = structlog.get_logger()


class Sweep:
    """Looks for due work, each time from where the last look ended.

    Endpoints with more than this process has room for stay due. If each look began with the same ones, thousands
    of them would keep all others from being found.
    """

    def __init__(self, wiring: Wiring, deliverer: Deliverer) -> None:
        self._wiring = wiring
        self._deliverer = deliverer
        self._after = ""

    async def look(self) -> None:
        """Have claimed what is due, as far as there is room.

        Raises:
            Exception: what the database driver raises when the database is away.
        """
        if not self._deliverer.has_room:
            return
        due = await self._wiring.database.hot.due_endpoints(
            now=self._wiring.clock(), limit=MOST_ENDPOINTS, after=self._after
        )
        self._after = due[-1] if len(due) == MOST_ENDPOINTS else ""
        self._deliverer.look(due)


async def repeat(
    action: Callable[[], Awaitable[object]], *, seconds: float, pauses_first: bool = False
) -> None:
    """Run an action for ever, pausing in between; a database that is away only costs the turn."""
    away = False
    if pauses_first:
        await asyncio.sleep(seconds)
    while True:
        try:
            await action()
            away = False
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_away(error)):
                log.exception("background_action_failed")
            elif not away:
                log.warning("database_away")
                away = True
        await asyncio.sleep(seconds)


def start_background(
    wiring: Wiring, *, deliverer: Deliverer, endpoints: EndpointBook
) -> list[asyncio.Task[None]]:
    """Start what a process that delivers does besides: sweep, renew leases, follow endpoints, check integrations."""
    loop = asyncio.get_running_loop()
    return [
        loop.create_task(repeat(Sweep(wiring, deliverer).look, seconds=wiring.settings.sweep_seconds)),
        loop.create_task(repeat(endpoints.refresh, seconds=REFRESH_SECONDS)),
        loop.create_task(
            # A start has more urgent things to do.
            repeat(lambda: check_due(wiring), seconds=wiring.settings.sweep_seconds, pauses_first=True)
        ),
        loop.create_task(deliverer.leases.renew_forever()),
    ]
