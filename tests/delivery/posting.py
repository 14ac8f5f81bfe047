"""Sending through the transport, as the tests of this folder do it: to the loopback, at any port."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from ipaddress import ip_address

from app.resolver import Resolve
from app.rules.addresses import EgressPolicy, parse_target
from app.rules.networks import Address
from delivery.transport import Answer, Transport

POLICY = EgressPolicy.of(allow="127.0.0.0/8,::1", ports="1-65535", allow_http=True)

# For a receiver that is expected to answer, far more than it needs on a busy machine; for one that is
# expected not to, short enough to wait for.
PATIENT_SECONDS = 20.0
SHORT_SECONDS = 0.3


class Poster:
    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def post(
        self, url: str, body: bytes = b"{}", *, timeout_seconds: float = PATIENT_SECONDS
    ) -> Answer:
        target = parse_target(url, POLICY)
        fields = f"Host: {target.host_header}\r\nContent-Length: {len(body)}\r\n"
        head = f"POST {target.path} HTTP/1.1\r\n{fields}\r\n"
        return await self.transport.send(target, head.encode(), body, timeout_seconds=timeout_seconds)


@contextlib.asynccontextmanager
async def poster(
    *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Poster]:
    transport = Transport(POLICY, resolve=resolve, tls=tls)
    try:
        yield Poster(transport)
    finally:
        await transport.close()


class Names:
    """A resolver that answers from a table, and writes down what it was asked.

    A name has a list of answers, used up one at a time but for the last.
    """

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, name: str) -> Sequence[Address]:
        self.asked.append(name)
        left = self._answers.get(name, [()])
        return [ip_address(text) for text in (left.pop(0) if len(left) > 1 else left[0])]
