"""Makes connections: resolves, has the answers judged, connects to what was judged, sets up TLS.

The name is resolved once and never again on the way: the connection goes to the very address that passed,
while SNI and the certificate are about the name. Proxies that the environment names are not known here.
"""

import asyncio
import errno
import ssl
import time
from collections.abc import Callable, Sequence

import msgspec

from app.resolver import NoWay, Resolve, resolve_and_vet
from app.rules.addresses import EgressPolicy, Target
from app.rules.lifecycle import ResultClass
from app.rules.networks import Address
from delivery.http1 import Connection, Origin
from delivery.responses import DELIVERY_LIMITS, Limits

# Names with dozens of addresses exist; each gets an equal part of the time that is left, and with more
# than this the parts would be too short for a distant host.
_ADDRESSES_TRIED = 4

# The same whatever was denied, so that the delivery log does not map the operator's network.
NOT_ALLOWED = "the destination is not allowed"

_CONNECT_ERRORS = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the connection was reset while it was made",
    errno.EHOSTUNREACH: "there is no route to the host",
    errno.ENETUNREACH: "there is no route to the network",
    errno.EADDRNOTAVAIL: "this machine has no free port or address to connect from",
    errno.EMFILE: "this process has too many open sockets",
    errno.ENFILE: "this machine has too many open sockets",
}


class Dialled(msgspec.Struct, frozen=True):
    """An open connection and what it took; `tls_ms` is None without TLS."""

    connection: Connection
    connect_ms: float
    tls_ms: float | None


class NotDialled(msgspec.Struct, frozen=True):
    """Why there is no connection: the class of the attempt's result and a sentence for the delivery log."""

    result: ResultClass
    error: str


def client_tls() -> ssl.SSLContext:
    """Checks certificates and names against the system's authorities, and offers HTTP/1.1 only."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialer:
    """Opens connections for one event loop."""

    def __init__(
        self,
        policy: EgressPolicy,
        resolve: Resolve,
        *,
        tls: ssl.SSLContext | None = None,
        limits: Limits = DELIVERY_LIMITS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._policy = policy
        self._resolve = resolve
        self._limits = limits
        self._tls = tls or client_tls()
        self._clock = clock

    async def dial(self, target: Target, origin: Origin, *, deadline: float) -> Dialled | NotDialled:
        """`deadline` is a time of the loop, and covers all steps."""
        addresses = await self._vetted_addresses(target, deadline)
        if isinstance(addresses, NotDialled):
            return addresses
        started = self._clock()
        connection = await self._connect(target, origin, addresses, deadline)
        if isinstance(connection, NotDialled):
            return connection
        connected = self._clock()
        if target.scheme == "http":
            return Dialled(connection, (connected - started) * 1000, None)
        failure = await self._secure(connection, target.host, deadline)
        if failure is not None:
            return failure
        return Dialled(connection, (connected - started) * 1000, (self._clock() - connected) * 1000)

    async def _vetted_addresses(self, target: Target, deadline: float) -> Sequence[Address] | NotDialled:
        try:
            async with asyncio.timeout_at(deadline):
                found = await resolve_and_vet(target, self._policy, self._resolve, deadline_seconds=None)
        except TimeoutError:
            return NotDialled(ResultClass.TIMEOUT, "the name did not resolve within the time-out")
        if found is NoWay.UNRESOLVED:
            return NotDialled(ResultClass.DNS, "the name does not resolve")
        if found is NoWay.DENIED:
            return NotDialled(ResultClass.BLOCKED, NOT_ALLOWED)
        return found

    async def _connect(
        self, target: Target, origin: Origin, addresses: Sequence[Address], deadline: float
    ) -> Connection | NotDialled:
        """Tries the addresses in their order; what the last one did stands for all."""
        tried = addresses[:_ADDRESSES_TRIED]
        made: Connection | NotDialled = NotDialled(ResultClass.CONNECT, "no address")
        for index, address in enumerate(tried):
            now = asyncio.get_running_loop().time()
            share_ends = now + (deadline - now) / (len(tried) - index)
            made = await self._connect_to(address, target.port, origin, share_ends)
            if isinstance(made, Connection):
                break
        return made

    async def _connect_to(
        self, address: Address, port: int, origin: Origin, deadline: float
    ) -> Connection | NotDialled:
        loop = asyncio.get_running_loop()
        connection = Connection(
            loop, origin, peer=_peer(address, port), limits=self._limits, clock=self._clock
        )
        try:
            async with asyncio.timeout_at(deadline):
                # An address is no name: no loop resolves it again.
                await loop.create_connection(lambda: connection, str(address), port)
        except TimeoutError:
            return NotDialled(ResultClass.TIMEOUT, "no connection within the time-out")
        except OSError as error:
            return NotDialled(ResultClass.CONNECT, _connect_error(error))
        return connection

    async def _secure(self, connection: Connection, name: str, deadline: float) -> NotDialled | None:
        try:
            async with asyncio.timeout_at(deadline):
                await connection.start_tls(self._tls, name)
        except TimeoutError:
            failure = NotDialled(ResultClass.TIMEOUT, "no TLS handshake within the time-out")
        except OSError as error:
            failure = NotDialled(ResultClass.TLS, _tls_error(error))
        except BaseException:
            connection.abort()
            raise
        else:
            return None
        connection.abort()
        return failure


def _peer(address: Address, port: int) -> str:
    return f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"


def _connect_error(error: OSError) -> str:
    return _CONNECT_ERRORS.get(error.errno or 0, "the connection could not be made")


def _tls_error(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"the TLS handshake failed: {error.reason.lower().replace('_', ' ')}"
    return "the connection was closed during the TLS handshake"
