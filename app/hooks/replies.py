"""Answers to requests that have been stored."""

import asyncio
from typing import Any

import orjson
from starlette.types import Receive, Send

from app.errors import (
    AetherFlowError,
    HandlerFailed,
    HandlerTimeout,
    MethodNotAllowed,
    NotFound,
    SessionStopped,
)
from app.hooks.asked import Asked
from app.inbound.addresses import Address
from app.inbound.answers import Answer, Reply
from app.inbound.environment import hooks_base
from app.inbound.wire import event_type_of
from app.rules.answer_headers import keep_local
from app.runner.performer import Performer
from app.store.hot.session_rows import NewRequest, NewSession
from app.wiring import Wiring

# Without a content sniff and without an origin: what a handler answers on the dashboard's own address.
SHARED_ORIGIN = ((b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff"))

ACKNOWLEDGED = b'{"message":"The request was handled."}'

BODILESS = (204, 304)


class Replies:
    """Answers the callers of this process."""

    def __init__(self, wiring: Wiring, performer: Performer) -> None:
        self._wiring = wiring
        self._waiters = performer.waiters

    async def reply(
        self,
        address: Address,
        asked: Asked,
        request: NewRequest,
        session: NewSession | None,
        *,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer a stored request.

        Raises:
            AetherFlowError: what the caller is to be told instead.
        """
        ids = id_headers(request, session, is_duplicate=asked.is_duplicate)
        waits = address.spec.is_sync or asked.by_suffix(address)
        if waits and session is None:
            raise self._no_match(address, request)
        if session is None or not waits:
            await respond(send, 202, ids)
        elif asked.wants_no_wait:
            await self._accept(asked, session, ids, send, applied=b"respond-async")
        else:
            await self._wait(address, asked, request, session, ids, receive=receive, send=send)

    def _no_match(self, address: Address, request: NewRequest) -> AetherFlowError:
        """Return what the caller of a synchronous trigger is told that does not take this request."""
        wanted = address.spec.event_type
        headers = {"AetherFlow-Request-Id": request.id}
        if wanted is not None and wanted.lower() != event_type_of(request):
            return MethodNotAllowed(headers={**headers, "Allow": wanted.upper()})
        return NotFound("The trigger does not take this request.", headers=headers)

    async def _wait(
        self,
        address: Address,
        asked: Asked,
        request: NewRequest,
        session: NewSession,
        ids: list[tuple[bytes, bytes]],
        *,
        receive: Receive,
        send: Send,
    ) -> None:
        timeout = address.spec.timeout or self._wiring.settings.webhook_timeout_seconds
        prefers = asked.wait_seconds is not None and asked.wait_seconds < timeout
        seconds = asked.wait_seconds if prefers and asked.wait_seconds is not None else timeout
        future = self._waiters.expect(request.id)
        leaving = asyncio.ensure_future(left(receive))
        # Whoever sends a request again gets the final outcome; the parts are with the first.
        streams = address.spec.stream and not asked.is_duplicate
        stream = Stream(self, send, ids, self._is_shared(asked)) if streams else None
        if stream is not None:
            self._waiters.stream(request.id, stream.take)
        try:
            if asked.is_duplicate:
                await self._waiters.look([request.id])
            waited: set[asyncio.Future[Any]] = {future, leaving}
            await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done() and not future.done():
                return
            if stream is not None and stream.has_begun:
                await stream.finish(future.result() if future.done() else None)
            elif future.done():
                await self.send_reply(future.result(), session, ids, asked, send)
            elif prefers:
                await self._accept(asked, session, ids, send, applied=b"wait=%d" % int(seconds))
            else:
                raise self._timed_out(address, session, ids)
        finally:
            leaving.cancel()
            self._waiters.forget(request.id, future)
            if stream is not None:
                self._waiters.end_stream(request.id)
                stream.abandon()

    def _timed_out(
        self, address: Address, session: NewSession, ids: list[tuple[bytes, bytes]]
    ) -> AetherFlowError:
        error = HandlerTimeout(headers=as_text(ids), members=self._about(session))
        return error if address.spec.is_sync else error.by_choice()

    def _about(self, session: NewSession) -> dict[str, str]:
        """Return where to ask for a session."""
        return {"session_id": session.id, "status_url": self._status_url(session.id)}

    def _status_url(self, session_id: str) -> str:
        base = (self._wiring.settings.public_url or hooks_base(self._wiring)).rstrip("/")
        return f"{base}/api/v1/sessions/{session_id}"

    async def _accept(
        self,
        asked: Asked,
        session: NewSession,
        ids: list[tuple[bytes, bytes]],
        send: Send,
        *,
        applied: bytes,
    ) -> None:
        """Say where to ask for the outcome."""
        about = self._about(session)
        headers = [
            *ids,
            (b"content-type", b"application/json"),
            (b"location", about["status_url"].encode()),
            (b"preference-applied", applied),
        ]
        await respond(send, 202, headers, orjson.dumps(about))

    async def send_reply(
        self, reply: Reply, session: NewSession, ids: list[tuple[bytes, bytes]], asked: Asked, send: Send
    ) -> None:
        """Send what a handler answered, or what follows from its end.

        Raises:
            HandlerFailed, SessionStopped: it gave no answer.
        """
        shared = self._is_shared(asked)
        if isinstance(reply, Answer):
            await respond(send, reply.status_code, [*ids, *wire_headers(reply, is_shared=shared)], reply.body)
        elif reply.status == "completed":
            body = ACKNOWLEDGED if reply.result is None else reply.result.encode()
            headers = [*ids, (b"content-type", b"application/json"), *(SHARED_ORIGIN if shared else ())]
            await respond(send, 200, headers, body)
        else:
            kind = SessionStopped if reply.status == "stopped" else HandlerFailed
            raise kind(headers=as_text(ids), members=self._about(session))

    def _is_shared(self, asked: Asked) -> bool:
        """Whether the request came to an address that the dashboard has as well."""
        own = self._wiring.settings.hooks_url
        host = asked.headers.get("host", "").lower()
        return own is None or own.partition("://")[2].partition("/")[0].lower() != host


class Stream:
    """An answer that is sent in parts; the first one fixes status and headers."""

    def __init__(self, replies: Replies, send: Send, ids: list[tuple[bytes, bytes]], is_shared: bool) -> None:
        self._send = send
        self._ids = ids
        self._is_shared = is_shared
        self._parts: asyncio.Queue[Answer | None] = asyncio.Queue()
        self._sending: asyncio.Task[None] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the head of the answer has been sent."""
        return self._sending is not None

    def take(self, part: Answer) -> None:
        """Send a part soon."""
        self._parts.put_nowait(part)
        if self._sending is None:
            self._sending = asyncio.ensure_future(self._send_parts())

    async def finish(self, reply: Reply | None) -> None:
        """Send the last part, if the handler gave one, and end the answer."""
        self._parts.put_nowait(reply if isinstance(reply, Answer) else None)
        self._parts.put_nowait(None)
        if self._sending is not None:
            await self._sending

    def abandon(self) -> None:
        """Send nothing more, if the answer has not ended: the caller has gone."""
        if self._sending is not None:
            self._sending.cancel()

    async def _send_parts(self) -> None:
        status = None
        while (part := await self._parts.get()) is not None:
            if status is None:
                status = part.status_code
                headers = [*self._ids, *wire_headers(part, is_shared=self._is_shared)]
                await self._send(
                    {"type": "http.response.start", "status": part.status_code, "headers": headers}
                )
            body = b"" if status in BODILESS else part.body
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})


def id_headers(
    request: NewRequest, session: NewSession | None, *, is_duplicate: bool
) -> list[tuple[bytes, bytes]]:
    """Return the headers that say what a request became."""
    headers = [(b"aetherflow-request-id", request.id.encode())]
    if session is not None:
        headers.append((b"aetherflow-session-id", session.id.encode()))
    if is_duplicate:
        headers.append((b"aetherflow-duplicate", b"true"))
    return headers


def wire_headers(answer: Answer, *, is_shared: bool) -> list[tuple[bytes, bytes]]:
    """Return a handler's headers as they are sent; fewer on an origin that is not its own."""
    headers = keep_local(answer.headers)[0] if is_shared else list(answer.headers)
    pairs = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers
    ]
    return [*pairs, *SHARED_ORIGIN] if is_shared else pairs


def as_text(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers as an error carries them."""
    return {name.decode(): value.decode() for name, value in headers}


async def left(receive: Receive) -> None:
    """Return when the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    """Send a whole answer."""
    if status in BODILESS:
        body = b""
    else:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
