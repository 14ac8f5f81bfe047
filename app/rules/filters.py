"""Filters: CEL expressions (https://github.com/google/cel-spec) over what came in.

An author's filter meets data that anybody sent, so two things hold whatever both of them are:

1. Judging never raises. What goes wrong while evaluating, such as a header that is not there, means that
   the filter does not match, and the verdict says why in words that the author understands.
2. What goes in is plain: dicts, lists, texts, bytes, booleans, doubles, and integers of 64 bits. One
   tuple or larger integer would otherwise fail filters that do not even look at it, and some thousands
   of levels would end the process.

How long an expression can take is bounded by the library: 32 levels of expression, 10,000 iterations over
lists and maps, and regular expressions of RE2, which are linear.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any, Literal, Self

from cel_expr_python import cel  # type: ignore[import-untyped]  # it has no marker for its types

from app.errors import InvalidFilter

Kind = Literal["any", "text"]
Variables = tuple[tuple[str, Kind], ...]

INBOUND: Variables = (("data", "any"), ("event_type", "text"))
OUTBOUND: Variables = (("event", "text"), ("id", "text"), ("timestamp", "text"), ("data", "any"))

MOST_BYTES = 4096
# The JSON of a body has at most 200 levels, and lies some levels deep itself. The library gives out
# between some thousands and a hundred thousand.
MOST_LEVELS = 210

_LARGEST_CACHE = 1024
_LONGEST_REASON = 300
_LOWEST_INTEGER, _HIGHEST_INTEGER = -(2**63), 2**64 - 1  # those of int and uint
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_TYPES = {"any": cel.Type.DYN, "text": cel.Type.STRING}

# `data.name` or `data["name"]`, with nothing clever about it. All else that begins with `data` may be
# the body too: `[data][0].body`, `data["bo\u0064y"]`.
_USE_OF_DATA = re.compile(
    r"""\bdata\b(?:\s*\.\s*(\w+)\b(?!`)|\s*\[\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*\])?""", re.ASCII
)

_COMPILE_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_NOISE = re.compile(r" expecting \{.*| \(in container ''\)| \[INVALID_ARGUMENT\]$")
_STATUS = re.compile(r"^[A-Z_]+: ")
_IN_OUR_WORDS = (
    (re.compile(r'Key not found in map : "?(.*?)"?', re.DOTALL), r"no such key: \1"),
    (re.compile(r"Index error: index=(-?\d+) size=(\d+)"), r"no such index: \1 in a list of \2"),
    (re.compile(r"No matching overloads found : (.*)"), r"no such operation: \1"),
    (re.compile(r"Applying SELECT to non-message type"), "a member was asked of a value that has no members"),
    (re.compile(r"Invalid container type: '(.*)'"), r"an element was asked of this kind of value: \1"),
    (re.compile(r"Iteration budget exceeded.*"), "it goes through too many values"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a filter matched, and if not, why."""

    matched: bool
    reason: str | None = None


class _TooDeep(Exception):
    """The data has too many levels."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled expression."""

    text: str
    names_body: bool
    """Whether it may look at `data.body`; if not, the body need not be among the variables."""
    _program: cel.Expression

    @classmethod
    def compile(cls, text: str, variables: Variables = INBOUND) -> Self:
        """Return the filter of an expression, the same one for the same text while it is remembered.

        Raises:
            InvalidFilter: it is no expression over these variables, has more than MOST_BYTES, or gives
                something that cannot be true or false; the detail says where.
        """
        return cls(text, _may_name_body(text), _compile(text, variables))

    def judge(self, variables: Mapping[str, Any]) -> Verdict:
        """Say whether the variables, which are those it was compiled for, match. Never raises."""
        try:
            value = self._program.eval(data={name: _plain(v, MOST_LEVELS) for name, v in variables.items()})
            kind, result = value.type(), value.value()
        except _TooDeep:
            return Verdict(False, f"the filter failed: the data has more than {MOST_LEVELS} levels")
        # The library turns whatever happens in it into errors of many kinds, and none of them is ours.
        except Exception as error:
            return _failed(str(error))
        if kind == cel.Type.BOOL:
            return Verdict(True) if result else Verdict(False, "the filter is false")
        if kind == cel.Type.ERROR:
            return _failed(str(result))
        return Verdict(False, f"the filter gave {_name(kind)}, not true or false")


@lru_cache(maxsize=_LARGEST_CACHE)
def _compile(text: str, variables: Variables) -> cel.Expression:
    if _NO_TEXT.search(text):
        raise InvalidFilter("The filter has a character that no text has: U+0000 or half a surrogate pair.")
    if len(text.encode()) > MOST_BYTES:
        raise InvalidFilter(f"The filter has more than {MOST_BYTES} bytes.")
    try:
        program = _environment(variables).compile(text)
    except RuntimeError as error:
        raise InvalidFilter(_explain(str(error))) from None
    kind = program.return_type()
    if kind not in (cel.Type.BOOL, cel.Type.DYN):
        raise InvalidFilter(f"The filter gives {_name(kind)}, not true or false.")
    return program


@lru_cache(maxsize=8)
def _environment(variables: Variables) -> cel.Env:
    return cel.NewEnv(variables={name: _TYPES[kind] for name, kind in variables})


def _explain(error: str) -> str:
    """The library's messages, each with its position, without its drawings and lists of tokens."""
    messages = []
    for line, column, message in _COMPILE_ERROR.findall(error):
        shown = _NOISE.sub("", message)
        where = f"line {line}, column {column}: " if int(line) > 0 else ""
        if "max recursion depth" in shown:
            return "The filter cannot be read: it is nested too deeply."
        messages.append(f"{where}{shown}")
    if not messages:
        is_deep = "recursion limit" in error
        messages.append("it is nested too deeply" if is_deep else _STATUS.sub("", error))
    return f"The filter cannot be read: {'; '.join(messages)}."


def _failed(error: str) -> Verdict:
    message = _STATUS.sub("", error)
    for pattern, words in _IN_OUR_WORDS:
        match = pattern.fullmatch(message)
        if match:
            message = match.expand(words)
            break
    # A message can quote the data.
    return Verdict(False, f"the filter failed: {message[:_LONGEST_REASON]}")


def _name(kind: cel.Type) -> str:
    return str(kind.name()).lower()


def _may_name_body(text: str) -> bool:
    return any("body" in use.groups() or not any(use.groups()) for use in _USE_OF_DATA.finditer(text))


def _plain(value: Any, levels: int) -> Any:
    """The same value of types that the library takes; what has no counterpart there is null.

    Raises:
        _TooDeep: it has more levels.
    """
    match value:
        case None | bool():
            return value
        case str():
            return _plain_text(value)
        case int():
            return _plain_number(value)
        case float():
            return float(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value)
    if not isinstance(value, Mapping | list | tuple):
        return None
    if not levels:
        raise _TooDeep
    # Loops rather than comprehensions, which would take a second frame a level.
    if isinstance(value, Mapping):
        members = {}
        for key, inner in value.items():
            plain_key = _plain(key, 0) if isinstance(key, str | int) else None
            if plain_key is not None and not isinstance(plain_key, float):
                members[plain_key] = _plain(inner, levels - 1)
        return members
    items = []
    for inner in value:
        items.append(_plain(inner, levels - 1))
    return items


def _plain_text(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return str(text)
    # The library reads up to the first U+0000, so that `admin\0` would be equal to `admin`; and a lone
    # surrogate, which JSON can carry, has no UTF-8.
    return _NO_TEXT.sub("\ufffd", text)


def _plain_number(number: int) -> int | float:
    if _LOWEST_INTEGER <= number <= _HIGHEST_INTEGER:
        return int(number)
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf
