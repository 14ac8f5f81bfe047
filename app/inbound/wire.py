"""Stored requests as filters and handlers are given them."""

from base64 import b64encode
from typing import Any
from urllib.parse import unquote

import orjson
from aetherflow.events import make_data

from app.store.hot.session_rows import NewRequest


def event_type_of(request: NewRequest) -> str:
    """Return the event type: the method in lower case."""
    return request.method.lower()


def as_event(request: NewRequest) -> dict[str, Any]:
    """Return a request as `aetherflow.events.read_event` takes it."""
    return {
        "event_id": request.id,
        "event_type": event_type_of(request),
        "method": request.method,
        "raw_url": request.raw_url,
        "suffix": decode_suffix(request.suffix),
        "headers": orjson.loads(request.headers),
        "body_base64": b64encode(request.body).decode(),
    }


def as_variables(request: NewRequest, *, with_body: bool) -> dict[str, Any]:
    """Return what a filter sees of a request."""
    data = make_data(
        method=request.method,
        raw_url=request.raw_url,
        suffix=decode_suffix(request.suffix),
        headers=orjson.loads(request.headers),
        body=request.body if with_body else b"",
    )
    return {"data": data, "event_type": event_type_of(request)}


def decode_suffix(suffix: str) -> str:
    """Return what follows the slug without its percent signs; what is no UTF-8 becomes U+FFFD."""
    return unquote(suffix, encoding="utf-8", errors="replace")
