"""Reading the parts of a request that a stranger wrote.

Nothing here raises, whatever the input, and the time that it takes grows with the length of the input.
"""

from __future__ import annotations

import json
import re
from binascii import unhexlify
from typing import Any

from aetherflow.data import Data, adopt, join_repeated

DEEPEST_NESTING = 200

# Python converts this many digits at once whatever sys.set_int_max_str_digits says, and slows down with
# the square of their number.
_DIGITS_AT_ONCE = 640

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BRACKETS = re.compile(r"[\[\]{}]")


def read_text(body: bytes) -> str | None:
    """Return a body as text, or None when it is not UTF-8."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def read_json(text: str) -> Any:
    """Return the JSON value that a text is, with its objects as `Data`; None when it is not just one.

    Also None for what JSON does not know (NaN, a byte order mark) and for nesting over 200. Integers
    may have any size.
    """
    if _nests_too_deeply(text):
        return None
    try:
        return json.loads(text, object_hook=adopt, parse_int=_integer, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def read_pairs(encoded: bytes) -> Data:
    """Return the pairs of a query or a form (`application/x-www-form-urlencoded`).

    `a` without a value is an empty text, the values of a repeated name are joined with ", ", a broken
    escape stays as it is, and bytes that are not UTF-8 become replacement characters.
    """
    pairs = (piece.partition(b"=") for piece in encoded.replace(b"+", b" ").split(b"&") if piece)
    return adopt(join_repeated((unescape(name), unescape(value)) for name, _, value in pairs))


def unescape(encoded: bytes) -> str:
    """Return text without its percent escapes; a broken one stays as it is."""
    return _ESCAPE.sub(lambda found: unhexlify(found[1]), encoded).decode("utf-8", "replace")


def _nests_too_deeply(text: str) -> bool:
    if text.count("[") + text.count("{") <= DEEPEST_NESTING:
        return False
    # Without escaped quotes, every second piece is outside of strings.
    outside = text.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    depth = 0
    for bracket in _BRACKETS.findall("".join(outside)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST_NESTING:
            return True
    return False


def _integer(digits: str) -> int:
    if len(digits) <= _DIGITS_AT_ONCE:
        return int(digits)
    if digits[0] == "-":
        return -_integer(digits[1:])
    ends = range(len(digits), 0, -_DIGITS_AT_ONCE)
    # The lowest digits come first. Neighbours are joined until one number is left.
    numbers = [int(digits[max(0, end - _DIGITS_AT_ONCE) : end]) for end in ends]
    base = 10**_DIGITS_AT_ONCE
    while len(numbers) > 1:
        if len(numbers) % 2:
            numbers.append(0)
        numbers = [low + high * base for low, high in zip(numbers[::2], numbers[1::2])]
        base *= base
    return numbers[0]


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
