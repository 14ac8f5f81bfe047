"""Strict JSON, and a compact form of it that keeps what it says to the letter.

What a caller publishes reaches receivers with its keys, numbers and strings as they were written: 2^53+1,
`1.10`, names that stand twice. So the text itself is kept, and only the space between its parts goes.
"""

import json
import re
from array import array
from itertools import accumulate
from typing import Any, NoReturn

import msgspec
import orjson

from app.errors import MalformedJson, TooDeep

# Deeper than any real payload, shallower than what makes common parsers give up.
MOST_LEVELS = 100

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
# Opening brackets become steps up, closing ones steps down, in signed bytes; the rest goes.
_STEPS = bytes.maketrans(b"{[]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(text: bytes) -> Any:
    """Return what a JSON text says; a number beyond the range of a double is an infinity.

    Raises:
        MalformedJson: it is no JSON by RFC 8259, which also excludes NaN, invalid UTF-8 and lone surrogates.
        TooDeep: it has more than MOST_LEVELS levels of arrays and objects.
    """
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            raise too_deep() from None
        if "infinity" not in str(error):
            raise malformed(error) from None
        content = parse_large_numbers(text)
    # Few texts have so many brackets that they could be too deep, so few are measured.
    if text.count(b"[") + text.count(b"{") > MOST_LEVELS and is_deeper(text, MOST_LEVELS):
        raise too_deep()
    return content


def parse_large_numbers(text: bytes) -> Any:
    """Parse a text whose numbers the fast parser cannot hold, such as 1e999 or an integer of 400 digits."""
    try:
        content = json.loads(text.decode(), parse_int=float, parse_constant=refuse_constant)
        # Writing it finds lone surrogates, which this parser lets pass.
        orjson.dumps(content)
    except RecursionError:
        raise too_deep() from None
    except (ValueError, TypeError) as error:
        raise malformed(error) from None
    return content


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name} is no JSON value")


def is_deeper(text: bytes, levels: int) -> bool:
    """Whether a valid JSON text has more levels of arrays and objects."""
    steps = array("b", _STRING.sub(b"", text).translate(_STEPS, _NO_BRACKETS))
    return max(accumulate(steps), default=0) > levels


def malformed(error: Exception) -> MalformedJson:
    """Return the error for a text that is no JSON."""
    return MalformedJson(f"The body is not valid JSON: {error}.")


def too_deep() -> TooDeep:
    """Return the error for a text with too many levels."""
    return TooDeep(f"The JSON has more than {MOST_LEVELS} levels of arrays and objects.")


def compact_json(text: bytes) -> bytes:
    """Return a valid JSON text without the space between its parts."""
    return msgspec.json.format(text, indent=-1)
