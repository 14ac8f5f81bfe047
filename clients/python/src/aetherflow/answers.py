"""The rules for an HTTP answer that a handler gives: status, headers, body and content type.

Wrong ones raise here, in the handler, where the author sees the line.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aetherflow.header_names import is_header_name

if TYPE_CHECKING:
    from collections.abc import Mapping

# Answers are held in memory and stored with the session.
LARGEST_BODY_BYTES = 6 * 1024 * 1024

# RFC 9110, section 5.5: no control characters but tab; HTTP/1.1 carries Latin-1.
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What browsers take for HTML: https://mimesniff.spec.whatwg.org/, section 7.1.
_HTML = re.compile(
    r"[\t\n\f\r ]*<(?:!--|(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY"
    r"|BR|P)[ >])",
    re.IGNORECASE,
)


def check_status(status: object, name: str = "status_code") -> int:
    """Return a status from 200 to 599.

    Raises:
        TypeError: It is no int.
        ValueError: It is out of range; 1xx answers are not final.
    """
    if isinstance(status, bool) or not isinstance(status, int):
        raise TypeError(f"{name} must be an int, not {type(status).__name__}")
    if not 200 <= status <= 599:
        raise ValueError(f"{name} must be from 200 to 599, not {status}")
    return status


def check_headers(headers: Mapping[str, Any] | None) -> list[list[str]]:
    """Return headers as pairs, one for each value; a list of values is a repeated header.

    Raises:
        TypeError: A name is no str, or a value is neither str, int nor a list of them.
        ValueError: A name or a value could end the header early, or is not Latin-1.
    """
    if headers is None:
        return []
    if not hasattr(headers, "items"):
        raise TypeError(f"headers must be a dict, not {type(headers).__name__}")
    pairs = []
    for name, values in headers.items():
        if not isinstance(name, str):
            raise TypeError(f"a header's name must be a str, not {type(name).__name__}")
        if not is_header_name(name):
            raise ValueError(f"{name!r} is no name of a header")
        for value in values if isinstance(values, (list, tuple)) else [values]:
            pairs.append([name, _check_value(value, name)])
    return pairs


def encode_body(body: object) -> tuple[bytes | None, str | None]:
    """Return the bytes of a body with the content type that it has unless a header says otherwise.

    None is no body; a dict or a list is sent as JSON.

    Raises:
        TypeError: It is something else, or holds what JSON cannot.
        ValueError: It is larger than 6 MiB, or no text or JSON that can be sent.
    """
    content: bytes
    if body is None:
        return None, None
    if isinstance(body, bytes):
        content, content_type = body, "application/octet-stream"
    elif isinstance(body, str):
        content, content_type = body.encode(), text_type(body)
    elif isinstance(body, (dict, list)):
        content, content_type = encode_json(body), "application/json"
    else:
        raise TypeError(f"body must be a str, bytes, dict, list or None, not {type(body).__name__}")
    if len(content) > LARGEST_BODY_BYTES:
        raise ValueError(f"the body has {len(content)} bytes, and may have {LARGEST_BODY_BYTES}")
    return content, content_type


def encode_json(value: object) -> bytes:
    """Return a value as compact JSON.

    Raises:
        TypeError, ValueError: JSON cannot hold it.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def text_type(text: str) -> str:
    """Return the content type of a text: HTML when a browser would take it for HTML."""
    if not _HTML.match(text):
        return "text/plain; charset=utf-8"
    return "text/html" if text.isascii() else "text/html; charset=utf-8"


def names_content_type(headers: list[list[str]]) -> bool:
    """Whether one of the headers is the content type."""
    return any(name.lower() == "content-type" for name, _ in headers)


def _check_value(value: object, name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"the header {name} must be a str or a list of them, not {type(value).__name__}")
    if not _FIELD_VALUE.fullmatch(value):
        raise ValueError(f"the header {name} holds a character that a header cannot carry")
    return value.strip(" \t")
