"""What a process that delivers consists of, in either wiring."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from app.version import VERSION
from app.wiring import Wiring
from delivery.deliver import Deliverer
from delivery.endpoints import EndpointBook
from delivery.sender import Sender
from delivery.sweep import start_background
from delivery.transport import Transport

USER_AGENT = f"AetherFlow-Webhooks/{VERSION}"


class Engine:
    """The delivering half of a process: a deliverer with its connections and background work."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._transport = Transport(wiring.egress)
        self._endpoints = EndpointBook(
            wiring.database, keyring=wiring.keyring, egress=wiring.egress, user_agent=USER_AGENT
        )
        sender = Sender(self._transport, clock=wiring.clock, fraction=wiring.chance.take_fraction)
        self.deliverer = Deliverer(wiring, sender=sender, endpoints=self._endpoints)
        self._background: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to deliver."""
        self._background = start_background(self._wiring, deliverer=self.deliverer, endpoints=self._endpoints)

    def also(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something else done in the background until the stop."""
        self._background.append(asyncio.get_running_loop().create_task(work))

    async def stop(self) -> None:
        """Let what is in flight end and be settled; leases are renewed until then."""
        await self.deliverer.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._transport.close()
