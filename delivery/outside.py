"""Requests to the services that workspaces are connected to, by the same guarded way as deliveries."""

import re
import ssl
from dataclasses import replace
from typing import Any

from app.errors import BlockedDestination, InvalidUrl
from app.outside import MOST_ANSWER_BYTES, HttpAnswer, HttpCall, Mail, MailAnswer
from app.resolver import Resolve, Resolver
from app.rules.addresses import EgressPolicy, Target, parse_target
from app.rules.integrations.services import MailServer
from app.rules.lifecycle import ResultClass
from app.version import VERSION
from delivery.dialing import NOT_ALLOWED
from delivery.mail import MailRoom
from delivery.responses import Limits
from delivery.transport import Answer, Transport

# The head of an answer comes on top of its body, and so does the framing of chunks.
LIMITS = Limits(answer_bytes=MOST_ANSWER_BYTES + 256 * 1024, body_bytes=MOST_ANSWER_BYTES)

_USER_AGENT = ("User-Agent", f"AetherFlow-Webhooks/{VERSION}")

# With the usual method that has a body, its absence has to be said (RFC 9110 section 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

_LINE = re.compile(rb"([^:\r\n]+):[ \t]*([^\r\n]*?)[ \t]*\r\n")


class GuardedOutside:
    """One process's way out. `resolve` and `tls` take the place of the system's."""

    def __init__(
        self, policy: EgressPolicy, *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._policy = policy
        self._resolver = None if resolve is not None else Resolver()
        self._resolve: Resolve = resolve if resolve is not None else self._resolver.resolve  # type: ignore[union-attr]
        self._tls = tls
        self._transport: Transport | None = None
        self._mail_room = MailRoom(policy, self._resolve, tls=tls)

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Send one request, once, and follow no redirect."""
        try:
            target = parse_target(call.base_url, self._policy)
        except (InvalidUrl, BlockedDestination):
            # The operator's policy may have changed since the base URL was accepted.
            return HttpAnswer(ResultClass.BLOCKED, error=NOT_ALLOWED, was_sent=False)
        if self._transport is None:
            # Not sooner, because it belongs to a running loop.
            self._transport = Transport(self._policy, resolve=self._resolve, tls=self._tls, limits=LIMITS)
        target = replace(target, path=call.path)
        answer = await self._transport.send(
            target, compose_head(target, call), call.body or b"", timeout_seconds=call.timeout_seconds
        )
        return read_answer(answer)

    async def visit(self, server: MailServer, mail: Mail | None, *, timeout_seconds: float) -> MailAnswer:
        """Log in to a mail server, and leave a mail there if one is given."""
        return await self._mail_room.visit(server, mail, timeout_seconds=timeout_seconds)

    async def close(self) -> None:
        """Let go of what is open."""
        if self._transport is not None:
            await self._transport.close()
        self._mail_room.close()
        if self._resolver is not None:
            self._resolver.close()


def compose_head(target: Target, call: HttpCall) -> bytes:
    """Return the request line and the headers."""
    fields: list[tuple[str, Any]] = [("Host", target.host_header), *call.headers]
    given = {name.lower() for name, _ in call.headers}
    if "user-agent" not in given:
        fields.append(_USER_AGENT)
    # Nothing is decompressed here, and a handler should get what it can read.
    fields.append(("Accept-Encoding", "identity"))
    if call.body is not None or call.method in _WITH_BODY:
        fields.append(("Content-Length", len(call.body or b"")))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{call.method} {target.path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


def read_answer(answer: Answer) -> HttpAnswer:
    """Return what a transport brought back, as callers want it."""
    pairs = (
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in _LINE.findall(answer.response_headers)
    )
    whole = answer.status_code is not None
    return HttpAnswer(
        answer.result,
        answer.status_code,
        tuple(pairs) if whole else (),
        answer.response_body if whole else b"",
        is_cut=whole and answer.response_truncated,
        error=answer.error,
        # A peer is known from the moment in which a connection stood.
        was_sent=answer.peer is not None,
    )
