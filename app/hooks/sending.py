"""Whole answers on their way out, and the headers that an origin allows."""

from starlette.types import Send

from app.inbound.answers import Answer
from app.rules.answer_headers import keep_local

# Without a content sniff and without an origin: what a handler answers on the dashboard's own address.
SHARED_ORIGIN = ((b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff"))

# RFC 9110 sections 15.3.5 and 15.4.5.
BODILESS = (204, 304)


async def respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    """Send a whole answer."""
    if status in BODILESS:
        body = b""
    else:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def wire_headers(answer: Answer, *, is_shared: bool) -> list[tuple[bytes, bytes]]:
    """Return a handler's headers as they are sent; fewer on an origin that is not its own."""
    headers = keep_local(answer.headers)[0] if is_shared else list(answer.headers)
    pairs = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers
    ]
    return [*pairs, *SHARED_ORIGIN] if is_shared else pairs
