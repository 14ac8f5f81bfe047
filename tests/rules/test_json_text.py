"""Strict JSON, and its compact form."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MalformedJson, TooDeep
from app.rules.json_text import compact_json, parse_json

NO_JSON = [
    b"",
    b" ",
    b"{",
    b"{}}",
    b"{,}",
    b"[1,]",
    b"{'a': 1}",
    b"{a: 1}",
    b"nul",
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"0x10",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"[1e999, NaN]",
    b"[1e999, Infinity]",
    b'[1e999, "\\ud800"]',
    b"[1e999, 01]",
    b'[1e999, "\x01"]',
    b"[1e999",
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\x41"',
    b'"\n"',
    b'"\xff"',
    b'[1e999, "\xff"]',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b"\xef\xbb\xbf{}",
    b"{} // done",
]


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_json(text)


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" * 400, b"1" * 5000 + b".5"])
def test_numbers_beyond_a_double_are_json_too(number: bytes) -> None:
    assert abs(parse_json(b'{"a": [' + number + b"]}")["a"][0]) == float("inf")


def nest(levels: int) -> list[bytes]:
    return [
        b"[" * levels + b"]" * levels,
        b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1),
        b"[1e999," + b"[" * (levels - 1) + b"]" * levels,
        b'["]]]", {"[[[": "\\"["},' + b"[" * (levels - 1) + b"]" * levels,
    ]


@pytest.mark.parametrize("text", nest(100))
def test_a_hundred_levels_are_read(text: bytes) -> None:
    parse_json(text)


@pytest.mark.parametrize("text", [text for levels in (101, 1_100, 100_000) for text in nest(levels)])
def test_more_levels_are_too_deep(text: bytes) -> None:
    with pytest.raises(TooDeep):
        parse_json(text)


def test_brackets_in_strings_and_beside_each_other_are_no_levels() -> None:
    parse_json(b'["' + b"[{" * 500 + b'"]')
    parse_json(b'"' + b"[{" * 500 + b'"')
    parse_json(b"[" + b"[]," * 500 + b"{}]")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans())
def test_the_compact_form_says_the_same_without_space(content: object, is_ascii: bool) -> None:
    pretty = json.dumps(content, indent=3, ensure_ascii=is_ascii).encode()
    compact = json.dumps(content, separators=(",", ":"), ensure_ascii=is_ascii).encode()
    assert compact_json(pretty) == compact


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b"[9007199254740993,1.10,1E5,-0,0e0,1e999]",
        b'["\\u0000\\/\\u00e9\xc3\xa9\\ud83d\\ude00"]',
        b"1" * 5_000,
    ],
)
def test_the_compact_form_keeps_what_it_does_not_understand_better(text: bytes) -> None:
    assert compact_json(b" " + text + b"\n") == text


@given(st.binary() | JSON.map(lambda content: json.dumps(content).encode()))
def test_what_is_read_another_parser_reads_too(text: bytes) -> None:
    with contextlib.suppress(MalformedJson, TooDeep):
        parse_json(text)
        json.loads(text.decode())
