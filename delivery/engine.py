"""What a process that delivers and performs sessions consists of, in either wiring."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from app.queue import Hint, SessionHint
from app.runner.performer import Performer
from app.version import VERSION
from app.wiring import Wiring
from delivery.deliver import Deliverer
from delivery.endpoints import EndpointBook
from delivery.sender import Sender
from delivery.sweep import start_background
from delivery.transport import Transport

USER_AGENT = f"AetherFlow-Webhooks/{VERSION}"


class Engine:
    """The working half of a process: a deliverer and a performer, with their connections and background work."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._transport = Transport(wiring.egress)
        self._endpoints = EndpointBook(
            wiring.database, keyring=wiring.keyring, egress=wiring.egress, user_agent=USER_AGENT
        )
        sender = Sender(self._transport, clock=wiring.clock, fraction=wiring.chance.take_fraction)
        self.deliverer = Deliverer(wiring, sender=sender, endpoints=self._endpoints)
        self.performer = Performer(wiring, claims=True)
        self._background: list[asyncio.Task[None]] = []

    def take(self, hint: Hint) -> None:
        """Act on a hint. Never waits."""
        if isinstance(hint, SessionHint):
            self.performer.take(hint)
        else:
            self.deliverer.take(hint)

    def start(self) -> None:
        """Begin to work."""
        self.performer.start()
        self._background = start_background(self._wiring, deliverer=self.deliverer, endpoints=self._endpoints)

    def also(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something else done in the background until the stop."""
        self._background.append(asyncio.get_running_loop().create_task(work))

    async def stop(self) -> None:
        """Let what is in flight end and be settled; leases are renewed until then."""
        await asyncio.gather(self.deliverer.stop(), self.performer.stop())
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._transport.close()
