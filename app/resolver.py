"""Turns host names into addresses, without one name holding up the others.

The system's resolver blocks its thread, for half a minute when the name servers of a domain are silent.
So it has threads of its own, and a name that is being looked up is looked up once however many wait:
a bad name holds one thread, not all.

Nothing is remembered between two look-ups. Every new connection asks again, because what a name answers
is judged each time (`app.rules.addresses.vet`), and a judgement about an older answer would be worth
nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from ipaddress import ip_address

from app.rules.addresses import EgressPolicy, Target, vet
from app.rules.networks import Address

Resolve = Callable[[str], Awaitable[Sequence[Address]]]

# Threads are started when they are needed. Only as many names as this, silent at the same time, would
# make others wait.
_THREADS = 32


class NoWay(StrEnum):
    """Why there is no address to connect to."""

    DENIED = "denied"
    UNRESOLVED = "unresolved"


async def resolve_and_vet(
    target: Target, policy: EgressPolicy, resolve: Resolve, *, deadline_seconds: float | None = 3.0
) -> Sequence[Address] | NoWay:
    """The addresses, at least one, that a connection to the target may go to.

    DENIED when the policy refuses one of the addresses; UNRESOLVED when there are none or the deadline
    passes before they are known.
    """
    if target.address is not None:
        addresses: Sequence[Address] = (target.address,)
    else:
        try:
            async with asyncio.timeout(deadline_seconds):
                addresses = await resolve(target.host)
        except TimeoutError:
            return NoWay.UNRESOLVED
    allowed = vet(target, addresses, policy)
    if allowed is None:
        return NoWay.DENIED
    return allowed or NoWay.UNRESOLVED


def look_up(name: str) -> Sequence[Address]:
    """Asks the system, which includes its hosts file; blocks. None found, for any reason: empty."""
    try:
        # As bytes, so that no codec reads the name in its own way: it is in its final ASCII form.
        found = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return [ip_address(sockaddr[0]) for _, _, _, _, sockaddr in found]


class Resolver:
    """`resolve` for one event loop. `look_up` blocks and must answer, with nothing rather than an error."""

    def __init__(self, look_up: Callable[[str], Sequence[Address]] = look_up) -> None:
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")
        self._under_way: dict[str, asyncio.Future[Sequence[Address]]] = {}

    async def resolve(self, name: str) -> Sequence[Address]:
        """The addresses of a name in the order of preference; none when it does not resolve now.

        Takes as long as it takes: the caller sets the limit, and leaving early disturbs nobody else.
        """
        under_way = self._under_way.get(name)
        if under_way is None:
            under_way = asyncio.get_running_loop().run_in_executor(self._threads, self._look_up, name)
            self._under_way[name] = under_way
            under_way.add_done_callback(lambda _: self._under_way.pop(name))
        return await asyncio.shield(under_way)

    def close(self) -> None:
        """Starts nothing more. A look-up that hangs goes on in its thread until the system ends it."""
        self._threads.shutdown(wait=False, cancel_futures=True)
