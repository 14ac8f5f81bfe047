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
from app.hooks.sending import SHARED_ORIGIN, respond, wire_headers
from app.hooks.streams import Stream
from app.inbound.addresses import Address
from app.inbound.answers import Answer, Reply
from app.inbound.environment import hooks_base
from app.inbound.wire import event_type_of
from app.runner.performer import Performer
from app.store.hot.session_rows import NewRequest, NewSession
from app.wiring import Wiring

ACKNOWLEDGED = b'{"message":"The request was handled."}'


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
            await self._accept(session, ids, send, applied=b"respond-async")
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
        stream = Stream(send, ids, self._is_shared(asked)) if streams else None
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
                await self._accept(session, ids, send, applied=b"wait=%d" % int(seconds))
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


def as_text(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers as an error carries them."""
    return {name.decode(): value.decode() for name, value in headers}


async def left(receive: Receive) -> None:
    """Return when the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
