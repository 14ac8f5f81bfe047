"""Answering the request that started the session, and recording results."""

from __future__ import annotations

import json as json_text
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from aetherflow.answers import check_headers, check_status, encode_body, encode_json, names_content_type
from aetherflow.arguments import check_json, check_text
from aetherflow.binding import current

if TYPE_CHECKING:
    from collections.abc import Mapping


def http_outcome(
    status_code: int = 200,
    headers: Mapping[str, Any] | str | bytes | None = None,
    body: str | bytes | dict[str, Any] | list[Any] | None = None,
    more: bool = False,
    *,
    json: Any = None,
    event_id: str | None = None,
) -> None:
    """Answer the request with a status, headers and a body.

    The first call without `more=True` is the answer, and the handler goes on after it; later calls are
    only logged. With `more=True` the outcome is logged and not sent, unless the trigger streams.

    A dict or list as `body`, or any value as `json`, is sent as JSON. A header may have a list of values.
    A str or bytes in the place of `headers` is the body. Without a content type, text is `text/html` when
    it looks like it and else `text/plain; charset=utf-8`, and bytes are `application/octet-stream`.

    `event_id` answers another request that waits, such as the one that `next_event` returned.

    Raises:
        ValueError: The status is not from 200 to 599, a header could split the answer, the body is over
            6 MiB, or body and json are both given.
        TypeError: An argument has another type than these.
    """
    if isinstance(headers, (str, bytes)):
        if body is not None:
            raise TypeError(
                "headers must be a dict; a str or bytes there is the body, and there is one already"
            )
        headers, body = None, headers
    if json is not None and body is not None:
        raise ValueError("give body or json, not both")
    status = check_status(status_code)
    pairs = check_headers(headers)
    if json is None:
        content, content_type = encode_body(body)
    else:
        content, content_type = encode_body(encode_json(json))[0], "application/json"
    _send(status, pairs, content, content_type, more=more, event_id=event_id)


def send_webhook_response(
    status: int | str = 200,
    headers: Mapping[str, Any] | str | None = None,
    body_type: str = "json",
    body: Any = None,
) -> None:
    """Answer the request as OpenOps' action "Send Webhook Response" does.

    `status` may be text such as `"201"`, `headers` the text of a JSON object. With `body_type="json"` a
    str is JSON text and anything else is sent as JSON; with `"raw"` the body is a str, sent as it is.

    Raises:
        ValueError: The body or the headers are no JSON, `body_type` is unknown, or as `http_outcome` does.
        TypeError: An argument has another type than these.
    """
    if isinstance(status, str):
        if not status.isdecimal():
            raise ValueError(f"status must be a number, not {status!r}")
        status = int(status)
    if isinstance(headers, str):
        headers = _parse_headers(headers)
    code, pairs = check_status(status, "status"), check_headers(headers)
    content, content_type = _typed_body(body, body_type)
    _send(code, pairs, content, content_type, more=False, event_id=None)


def outcome(value: Any, *, event_id: str | None = None) -> None:
    """Record a JSON value as an outcome of the session.

    Raises:
        TypeError, ValueError: JSON cannot hold the value.
    """
    check_json(value, "value")
    _check_event_id(event_id)
    current().perform("outcome", {"kind": "value", "value": value, "event_id": event_id})


def custom_data(**values: Any) -> None:
    """Attach values to the session; they show in its record and in the events about it.

    Raises:
        TypeError, ValueError: JSON cannot hold a value.
    """
    check_json(values, "custom_data")
    current().perform("custom_data", {"values": values})


def _send(
    status: int,
    headers: list[list[str]],
    content: bytes | None,
    content_type: str | None,
    *,
    more: bool,
    event_id: str | None,
) -> None:
    if content_type is not None and not names_content_type(headers):
        headers = [*headers, ["Content-Type", content_type]]
    _check_event_id(event_id)
    current().perform(
        "outcome",
        {
            "kind": "http",
            "status_code": status,
            "headers": headers,
            "body_base64": None if content is None else b64encode(content).decode(),
            "more": bool(more),
            "event_id": event_id,
        },
    )


def _check_event_id(event_id: str | None) -> None:
    if event_id is not None:
        check_text(event_id, "event_id")


def _parse_headers(text: str) -> dict[str, Any] | None:
    try:
        headers = json_text.loads(text) if text.strip() else None
    except ValueError as error:
        raise ValueError(f"headers must be the text of a JSON object: {error}") from None
    if headers is not None and not isinstance(headers, dict):
        raise ValueError("headers must be the text of a JSON object")
    return headers


def _typed_body(body: Any, body_type: str) -> tuple[bytes | None, str | None]:
    if body_type == "raw":
        if body is not None and not isinstance(body, str):
            raise TypeError(f"a raw body must be a str, not {type(body).__name__}")
        return encode_body(body)
    if body_type != "json":
        raise ValueError(f'body_type must be "json" or "raw", not {body_type!r}')
    if body is None:
        return None, None
    if isinstance(body, str):
        try:
            body = json_text.loads(body)
        except ValueError as error:
            raise ValueError(f"the body is no JSON: {error}") from None
    return encode_body(encode_json(body))[0], "application/json"
