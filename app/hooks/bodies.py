"""Bodies of requests to triggers, read within a limit."""

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.errors import TooLarge


async def read_body(headers: Headers, receive: Receive, *, limit: int) -> bytes:
    """Return the body, refusing one that is too large before it has been read.

    Raises:
        TooLarge: it says so, or proves to be so.
        ClientDisconnect: the caller went away in the middle.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge(f"The body may have {limit} bytes.", headers={"Connection": "close"})
    chunks = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        length += len(chunk)
        if length > limit:
            raise TooLarge(f"The body may have {limit} bytes.", headers={"Connection": "close"})
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
