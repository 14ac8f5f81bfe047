"""Answers that are sent while their handler goes on."""

import asyncio

from starlette.types import Send

from app.hooks.sending import BODILESS, wire_headers
from app.inbound.answers import Answer, Reply


class Stream:
    """An answer that is sent in parts; the first one fixes status and headers."""

    def __init__(self, send: Send, ids: list[tuple[bytes, bytes]], is_shared: bool) -> None:
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
