"""Strict JSON, and a compact form of it that keeps what it says to the letter.

What a caller publishes reaches receivers with its keys, numbers and strings as they were written: 2^53+1,
`1.10`, names that stand twice. So the text itself is kept, and only the space between its parts goes.
"""

import re
from typing import Any

import msgspec
import orjson

from app.errors import MalformedJson, TooDeep

# Deeper than any real payload, shallower than what makes common parsers give up.
MOST_LEVELS = 100

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]"))


def parse_json(text: bytes) -> Any:
    """Return what a JSON text says.

    Raises:
        MalformedJson: it is no JSON by RFC 8259, which also excludes NaN, invalid UTF-8 and lone surrogates.
        TooDeep: it has more than MOST_LEVELS levels of arrays and objects.
    """
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            raise too_deep() from None
        raise MalformedJson(f"The body is not valid JSON: {error}.") from None
    # Few texts have so many brackets that they could be too deep, so few are measured.
    if text.count(b"[") + text.count(b"{") > MOST_LEVELS and measure_depth(text) > MOST_LEVELS:
        raise too_deep()
    return content


def measure_depth(text: bytes) -> int:
    """Return how many levels of arrays and objects a valid JSON text has.

    Each round takes away the innermost brackets, so there are as many rounds as levels.
    """
    brackets = _STRING.sub(b"", text).translate(_ALIKE).translate(None, _NO_BRACKETS)
    rounds = 0
    while brackets:
        brackets = brackets.replace(b"[]", b"")
        rounds += 1
    return rounds


def too_deep() -> TooDeep:
    """Return the error for a text with too many levels."""
    return TooDeep(f"The JSON has more than {MOST_LEVELS} levels of arrays and objects.")


def compact_json(text: bytes) -> bytes:
    """Return a valid JSON text without the space between its parts."""
    return msgspec.json.format(text, indent=-1)
