"""Results as the journal keeps them: what comes back is what was there, or it was refused."""

import datetime
import decimal
import math
import threading
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from aetherflow import AetherFlowError, IntegrationError
from aetherflow.runner.recording import keep, keep_raised, make_refusal, restore
from hypothesis import given
from hypothesis import strategies as st

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

ANY_VALUES = st.recursive(
    JSON_VALUES
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.datetimes()
    | st.uuids()
    | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@dataclass
class Order:
    number: int
    lines: tuple[str, ...]


class Text(str):
    pass


class OddError(Exception):
    """Wants other arguments than the base class keeps."""

    def __init__(self, code: int, *, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class KeywordError(Exception):
    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


class HoldingError(Exception):
    """Holds something that no other process could have."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of equal types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


@given(JSON_VALUES)
def test_a_json_value_comes_back_exactly(value: Any) -> None:
    assert same(restore(keep(value, of="a step")), value)


@given(ANY_VALUES)
def test_any_plain_data_comes_back_exactly_tuples_and_keys_included(value: Any) -> None:
    assert same(restore(keep(value, of="a step")), value)


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": [1.5, "ü\ud800\0", None, True]},
        [2**64, -(2**63), 10**300, 1e308, -0.0],
        [[[[]]]],
    ],
)
def test_what_json_can_hold_is_kept_as_json(value: Any) -> None:
    text = keep(value, of="a step")
    assert text.startswith("j")
    assert same(restore(text), value)


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1: "a"},
        {"a": (1,)},
        {"a", "b"},
        b"bytes",
        float("inf"),
        10**6000,
        Text("a"),
        Order(7, ("a", "b")),
        uuid.UUID(int=7),
        decimal.Decimal("1.10"),
        datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
        datetime.date(2026, 1, 31),
        datetime.timedelta(seconds=1.5),
        datetime.datetime,
        range(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_would_change_is_pickled(value: Any) -> None:
    text = keep(value, of="a step")
    assert text.startswith("p")
    assert same(restore(text), value)


def test_nan_and_what_holds_itself_come_back_too() -> None:
    assert math.isnan(restore(keep(math.nan, of="a step")))
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    assert same(restore(keep(deep, of="a step")), deep)
    ring: list[Any] = []
    ring.append(ring)
    again = restore(keep(ring, of="a step"))
    assert again[0] is again


@pytest.mark.parametrize("value", [lambda: 1, threading.Lock(), (n for n in ()), open], ids=type)
def test_what_cannot_be_kept_is_refused_by_name(value: Any) -> None:
    if value is open:
        assert restore(keep(value, of="a step")) is open
        return
    with pytest.raises(AetherFlowError, match="the result of step `load` cannot be recorded"):
        keep(value, of="step `load`")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        KeyError("k"),
        OSError(2, "No such file", "/a"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        OddError(7, text="odd"),
        KeywordError(reason="because"),
        StopIteration(3),
        AetherFlowError("refused"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_comes_back_as_itself_whatever_its_constructor_wants(error: Exception) -> None:
    text, raised = keep_raised(error, of="a step")
    assert raised is error
    again = restore(text)
    assert type(again) is type(error)
    assert (str(again), again.args) == (str(error), error.args)
    if isinstance(error, OddError):
        assert again.code == 7


def test_notes_of_an_exception_come_back() -> None:
    error = ValueError("no")
    error.add_note("while loading")
    text, _ = keep_raised(error, of="a step")
    assert restore(text).__notes__ == ["while loading"]


def test_an_exception_that_cannot_be_kept_is_the_same_other_one_at_once_and_later() -> None:
    class LocalError(Exception):
        pass

    for error in (LocalError("here"), HoldingError("locked")):
        text, raised = keep_raised(error, of="a step")
        again = restore(text)
        assert type(again) is type(raised) is AetherFlowError
        assert str(again) == str(raised) == f"{type(error).__name__}: {error}"


def test_a_record_whose_class_is_gone_is_a_clear_error() -> None:
    text = keep(Order(1, ()), of="a step")
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(globals(), "Order")
        with pytest.raises(AetherFlowError, match="a recorded result cannot be read again"):
            restore(text)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("AetherFlowError", AetherFlowError),
        ("ValueError", ValueError),
        ("TypeError", TypeError),
        ("KeyError", KeyError),
    ],
)
def test_what_the_service_refuses_is_raised_as_what_it_says(kind: str, expected: type[Exception]) -> None:
    error = make_refusal({"type": kind, "message": "no"})
    assert type(error) is expected
    assert error.args == ("no",)


def test_a_failed_call_of_an_integration_comes_back_with_what_it_knows() -> None:
    error = make_refusal(
        {
            "type": "IntegrationError",
            "message": "integration 'ledger': The service answers 503.",
            "integration": "ledger",
            "error_code": "HTTP_503",
            "retry_count": 3,
        }
    )
    text, raised = keep_raised(error, of="step")
    assert raised is error
    for one in (error, restore(text)):
        assert isinstance(one, IntegrationError)
        assert str(one) == "integration 'ledger': The service answers 503."
        assert (one.integration, one.error_code, one.retry_count) == ("ledger", "HTTP_503", 3)
