"""Filters: what compiles, what matches, and what is said when nothing does."""

from collections import OrderedDict
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidFilter
from app.rules.filters import MOST_BYTES, MOST_LEVELS, OUTBOUND, Filter, Verdict

POST = {
    "method": "POST",
    "raw_url": "/webhooks/abc/foo?a=1",
    "url": {"path": "/webhooks/abc/foo", "path_suffix": "foo", "query": {"a": "1"}},
    "headers": {"Content-Type": "application/json; charset=utf-8", "X-Github-Event": "push"},
    "body": {"bytes": b'{"n": 1}', "text": '{"n": 1}', "form": None, "json": {"n": 1, "items": [1, 2]}},
}


class Text(str):
    """A text of another type, as parsers and frameworks make them."""

    __slots__ = ()


class Number(IntEnum):
    ONE = 1


def judge(text: str, data: Any, event_type: str = "post") -> Verdict:
    return Filter.compile(text).judge({"data": data, "event_type": event_type})


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "text",
    [
        'data.method == "GET" || data.method == "POST"',
        'data.method in ["GET", "POST"]',
        'data.url.path.endsWith("/foo")',
        'data.url.path.matches("^/webhooks/.*/foo$")',
        'data.headers["Content-Type"].startsWith("application/json")',
        'data.headers["Content-Type"].matches("application/json(;.*)?")',
        'event_type == "post" && data["method"] == "POST"',
        'data.url.query.a == "1"',
        "has(data.headers) && !has(data.nothing)",
        "data.body.json.n == 1 && data.body.json.items.exists(i, i > 1)",
        "data.body.bytes == b'{\"n\": 1}'",
        "data.body.form == null",
        "// only for posts\nevent_type == 'post'",
        'true || data.headers["X-Missing"] == "a"',
    ],
)
def test_a_filter_that_holds_matches(text: str) -> None:
    assert judge(text, POST) == Verdict(True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('data.method == "GET"', "the filter is false"),
        ('data.headers["X-Foo"] == "a"', "the filter failed: no such key: X-Foo"),
        ("data.nothing.at.all", "the filter failed: no such key: nothing"),
        ("data.body.json.items[7] == 1", "the filter failed: no such index: 7 in a list of 2"),
        ("data.method.name == 1", "the filter failed: a member was asked of a value that has no members"),
        ("data.body.json.n[0] == 1", "the filter failed: an element was asked of this kind of value: int"),
        ("data.method < 5", "the filter failed: no such operation: _<_(string, int64)"),
        ("data.body.json.n / 0 == 1", "the filter failed: divide by zero"),
        ('data.method.matches("(")', "the filter failed: invalid regular expression: missing ): ("),
        ("data.method", "the filter gave string, not true or false"),
        ("data.body.form", "the filter gave null, not true or false"),
    ],
)
def test_a_filter_that_does_not_hold_says_why(text: str, reason: str) -> None:
    assert judge(text, POST) == Verdict(False, reason)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data.x ==", "line 1, column 10: Syntax error"),
        ("", "line 1, column 1: Syntax error"),
        ("event_type == 'post'\n && nobody", "line 2, column 5: undeclared reference to 'nobody'"),
        ("a && b", "line 1, column 1: undeclared reference to 'a'; line 1, column 6: undeclared"),
        ("event_type + 1 == 2", "line 1, column 12: found no matching overload"),
        ("1 + 1", "gives int, not true or false"),
        ("[data]", r"gives list<dyn>, not true or false"),
        ("event_type", "gives string, not true or false"),
        ("event == 'a.b'", "undeclared reference to 'event'"),
        ("data" + ".a" * 1000, "nested too deeply"),
        ("(" * 1000 + "true" + ")" * 1000, "nested too deeply"),
        ("true\0", r"no text has: U\+0000"),
        ("data == '\ud800'", "half a surrogate pair"),
        ("event_type == '" + "ü" * (MOST_BYTES // 2) + "'", f"more than {MOST_BYTES} bytes"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidFilter, match=message):
        Filter.compile(text)


def test_variables_are_those_that_the_caller_names() -> None:
    chosen = Filter.compile("event == 'a.b' && data.n == 1 && id != timestamp", OUTBOUND)
    assert chosen.judge({"event": "a.b", "id": "1", "timestamp": "2", "data": {"n": 1}}).matched
    with pytest.raises(InvalidFilter, match="event_type"):
        Filter.compile("event_type == 'post'", OUTBOUND)


def test_a_variable_that_was_left_out_is_told() -> None:
    assert Filter.compile("data.n == 1").judge({}) == Verdict(
        False, 'the filter failed: No value with name "data" found in Activation'
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data.v > 5 && data.v == 9223372036854775808.0", 2**63),
        ("data.v > 5", 2**64),
        ("data.v < -5", -(2**63) - 1),
        ("data.v > 5", 10**400),
        ("data.v < 5", -(10**400)),
        ("data.v == 9223372036854775807", 2**63 - 1),
        ("data.v[1] == 2", (1, 2)),
        ("data.v.a == 1", OrderedDict(a=1)),
        ("data.v == 'a'", Text("a")),
        ("data.v == 1", Number.ONE),
        ("data.v == b'a'", bytearray(b"a")),
        ("data.v == b'a'", memoryview(b"a")),
        ("data.v != data.v", float("nan")),
        ("data.v > 1.0", float("inf")),
        ("data.v == '\ufffd'", "\ud800"),
        ("data.v == null", object()),
        ("data.v == null", {1, 2}),
        ("data.v == {'a': 1}", {"a": 1, 1.5: 2, None: 3, (1,): 4, b"a": 5, 2**70: 6}),
        ("data.v[1] == 2", {1: 2}),
        ("data.v[true] == 2", {True: 2}),
    ],
)
def test_a_value_that_the_library_does_not_take_breaks_nothing(text: str, value: Any) -> None:
    assert judge(text, {"v": value, "other": 1}) == Verdict(True)
    assert judge("data.other == 1", {"v": value, "other": 1}) == Verdict(True)


def test_a_text_does_not_end_at_a_zero() -> None:
    assert not judge('data.user == "admin"', {"user": "admin\0"}).matched
    assert not judge("has(data.admin)", {"admin\0x": True}).matched


def test_data_may_be_as_deep_as_a_body_can_be() -> None:
    assert judge("event_type == 'post'", {"body": {"json": nested(200)}}).matched
    assert judge("data.body.json == data.body.json", {"body": {"json": nested(200)}}).matched


def test_deeper_data_is_no_match_and_does_not_crash() -> None:
    reason = f"the filter failed: the data has more than {MOST_LEVELS} levels"
    assert judge("event_type == 'post'", nested(100_000)) == Verdict(False, reason)


def test_a_filter_that_goes_through_too_much_ends() -> None:
    reason = "the filter failed: it goes through too many values"
    assert judge("data.all(a, data.all(b, a + b >= 0))", list(range(5000))) == Verdict(False, reason)


class Hostile(Mapping[str, Any]):
    """A mapping that breaks while it is read."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("broken")

    def __iter__(self) -> Any:
        raise RuntimeError("broken")

    def __len__(self) -> int:
        return 1


def test_data_that_breaks_while_it_is_read_is_no_match() -> None:
    assert judge("true", Hostile()) == Verdict(False, "the filter failed: broken")


def test_a_reason_stays_short_whatever_the_data_is() -> None:
    reason = judge('data[data.k] == "a"', {"k": "x" * 100_000}).reason
    assert reason is not None
    assert len(reason) < 400


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.characters(categories=["Cs"]),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.integers() | st.booleans() | st.none() | st.floats(), inner)
    ),
)


@given(
    anything,
    st.sampled_from(
        [
            "data.a == 1",
            "data == data",
            "data.all(x, x == 1)",
            "data[0].matches(data[1])",
            "size(data) > 1 && data[0] in data",
            "string(data) == string(int(data))",
            "data.map(x, x + x) == [1]",
            "timestamp(data) > timestamp('2026-01-01T00:00:00Z')",
        ]
    ),
)
def test_judging_never_raises(data: Any, text: str) -> None:
    verdict = judge(text, data)
    assert verdict.matched is (verdict.reason is None)


@given(st.text(max_size=60) | st.text(alphabet="data.body[]()\"'\\&|!=?:x1 \n", max_size=60))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        compiled = Filter.compile(text)
    except InvalidFilter:
        return
    assert isinstance(compiled.judge({"data": POST, "event_type": "post"}), Verdict)


@pytest.mark.parametrize(
    "text",
    [
        "data.body.text == 'a'",
        "data . body != null",
        "data\n.body != null",
        "data // here\n.body != null",
        'data["body"] != null',
        "data['body'] != null",
        'data["bo\\u0064y"] != null',
        "[data][0].body != null",
        "data[event_type] != null",
        "data == null",
        "has(data.body)",
        ".data.body != null",
        "data.`body` != null",
    ],
)
def test_a_filter_that_may_look_at_the_body_says_so(text: str) -> None:
    assert Filter.compile(text).names_body


@pytest.mark.parametrize(
    "text",
    [
        "data.method == 'body'",
        'data.headers["body"] == "a"',
        "data['headers']['A'] == 'b'",
        "data.bodyless == 1",
        "event_type == 'post'",
    ],
)
def test_a_filter_that_cannot_look_at_the_body_says_so(text: str) -> None:
    assert not Filter.compile(text).names_body
