"""Steps and activities: what is shown, what is recorded, and what is a plain call."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from aetherflow import activity, inhibit_activities, register_no_activity, step
from aetherflow.activities import plain
from aetherflow.binding import bind
from aetherflow.testing import run

T = TypeVar("T")


class RecordingSession:
    """Records as a durable session does, and can be run again."""

    session_id = "ses_1"

    def __init__(self, *, is_durable: bool = True) -> None:
        self.is_durable = is_durable
        self.recorded: list[tuple[str, str]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.results: list[Any] = []
        self.position = 0

    def perform(self, operation: str, arguments: dict[str, Any]) -> Any:
        raise AssertionError(operation)

    def compute(self, kind: str, name: str, function: Callable[[], T]) -> T:
        self.position += 1
        if self.position > len(self.results):
            self.recorded.append((kind, name))
            self.results.append(function())
        found: T = self.results[self.position - 1]
        return found

    def tell(self, fact: str, details: dict[str, Any]) -> None:
        self.told.append((fact, details))


@pytest.fixture
def session() -> Iterator[RecordingSession]:
    bound = RecordingSession()
    bind(bound)
    yield bound
    bind(None)


@step("charge")
def charge(amount: int, *, currency: str = "EUR") -> str:
    """Charge somebody."""
    return f"{amount} {currency}"


@step
def bare(value: int) -> int:
    return value + 1


@step("later")
async def later(value: int) -> int:
    await asyncio.sleep(0)
    return value * 2


@activity
def fetch(value: int) -> int:
    return value + 10


@activity
async def fetch_later(value: int) -> int:
    await asyncio.sleep(0)
    return value + 20


def test_a_decorated_function_is_recorded_under_the_name_of_the_step(session: RecordingSession) -> None:
    assert charge(5, currency="USD") == "5 USD"
    assert bare(1) == 2
    assert session.recorded == [("step", "charge"), ("step", "bare")]
    assert (charge.__name__, charge.__doc__) == ("charge", "Charge somebody.")


def test_a_recorded_result_comes_back_without_a_call_and_without_telling(session: RecordingSession) -> None:
    first = charge(5)
    session.position = 0
    session.told.clear()
    assert charge(6) == first
    assert session.told == []


def test_the_service_is_told_when_a_step_starts_and_ends(session: RecordingSession) -> None:
    bare(1)
    with step("block"):
        pass
    assert [fact for fact, _ in session.told] == ["step_started", "step_ended"] * 2
    assert [details["name"] for _, details in session.told] == ["bare", "bare", "block", "block"]
    ended = session.told[1][1]
    assert isinstance(ended.pop("duration_ms"), int)
    assert ended == {"name": "bare", "status": "completed", "error": None}


def test_a_block_is_told_and_not_recorded_and_what_it_calls_is(session: RecordingSession) -> None:
    with step("outer"), step("inner"):
        charge(1)
    assert session.recorded == [("step", "charge")]
    assert [details["name"] for _, details in session.told] == [
        *("outer", "inner", "charge", "charge", "inner", "outer")
    ]


@pytest.mark.parametrize("is_durable", [True, False])
def test_a_failure_passes_and_is_told(is_durable: bool) -> None:
    @step("risky")
    def risky() -> None:
        raise RuntimeError("no luck")

    def in_a_block() -> None:
        with step("risky"):
            raise RuntimeError("no luck")

    for function in (risky, in_a_block):
        result = run(lambda event, function=function: function(), is_durable=is_durable)
        assert isinstance(result.raised, RuntimeError)
        (record,) = result.steps
        assert (record.name, record.status, record.error) == ("risky", "failed", "RuntimeError: no luck")
        assert record.duration_ms >= 0


def test_one_step_may_be_entered_again_and_again(session: RecordingSession) -> None:
    again = step("again")
    with again, again:
        pass
    assert again(charge.__wrapped__)(3) == "3 EUR"  # type: ignore[attr-defined]
    assert [fact for fact, _ in session.told[:4]] == ["step_started"] * 2 + ["step_ended"] * 2


def test_steps_and_activities_within_one_are_plain_calls(session: RecordingSession) -> None:
    @step("whole")
    def whole() -> int:
        return fetch(bare(1))

    assert whole() == 12
    assert session.recorded == [("step", "whole")]
    assert [details["name"] for _, details in session.told] == ["whole", "whole"]
    assert fetch(1) == 11
    assert session.recorded == [("step", "whole"), ("activity", "fetch")]


def test_a_step_that_failed_does_not_make_the_next_one_a_plain_call(session: RecordingSession) -> None:
    @step
    def fails() -> None:
        raise ValueError("x")

    for _ in range(2):
        with pytest.raises(ValueError, match="x"):
            fails()
    assert session.recorded == [("step", "fails")] * 2


def test_an_activity_is_recorded_and_not_shown(session: RecordingSession) -> None:
    assert fetch(1) == 11
    assert session.recorded == [("activity", "fetch")]
    assert session.told == []


@pytest.mark.parametrize("is_durable", [True, False])
def test_coroutine_functions_stay_coroutine_functions(is_durable: bool) -> None:
    @step("all")
    async def everything() -> int:
        return await later(1) + await fetch_later(1)

    async def handler(event: Any) -> list[int]:
        return [await later(4), await fetch_later(4), await everything()]

    result = run(handler, is_durable=is_durable)
    assert result.returned == [8, 24, 23]
    assert [each.name for each in result.steps] == ["later", "all"]


def test_a_durable_session_records_the_result_of_a_coroutine(session: RecordingSession) -> None:
    async def handler() -> list[int]:
        return [await later(4), await fetch_later(4)]

    assert asyncio.run(handler()) == [8, 24]
    session.position = 0
    assert asyncio.run(handler()) == [8, 24]
    assert session.recorded == [("step", "later"), ("activity", "fetch_later")]


def test_a_coroutine_that_fails_raises_where_it_is_awaited() -> None:
    @step("fails")
    async def fails() -> None:
        raise RuntimeError("no luck")

    for is_durable in (True, False):
        result = run(lambda event: fails(), is_durable=is_durable)
        assert str(result.raised) == "no luck"
        assert [each.status for each in result.steps] == ["failed"]


def test_methods_can_be_steps(session: RecordingSession) -> None:
    class Shop:
        @step("buy")
        def buy(self, what: str) -> str:
            return f"{self.__class__.__name__} {what}"

    assert Shop().buy("tea") == "Shop tea"


def test_activities_can_be_inhibited(session: RecordingSession) -> None:
    @inhibit_activities
    def make_client(value: int) -> int:
        return fetch(value)

    @inhibit_activities
    async def make_client_later(value: int) -> int:
        return await fetch_later(value)

    assert make_client(1) == 11
    assert asyncio.run(make_client_later(1)) == 21
    assert session.recorded == []
    fetch(1)
    assert session.recorded == [("activity", "fetch")]


def test_activities_can_be_taken_out_by_name(session: RecordingSession) -> None:
    @activity
    def one() -> int:
        return 1

    @activity
    def other() -> int:
        return 2

    register_no_activity([one, plain(other)])
    assert one() + other() == 3
    assert session.recorded == []


def test_the_function_that_a_trigger_calls_is_no_activity() -> None:
    @activity
    def handler(event: Any) -> str:
        from aetherflow import sleep

        sleep(1)
        return "waited"

    assert run(handler, is_durable=True).returned == "waited"
    assert plain(charge) is charge


@pytest.mark.parametrize(("name", "kind"), [("", ValueError), (5, TypeError), (None, TypeError)])
def test_a_step_needs_a_name(name: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        step(name)


def test_a_step_decorates_functions_only() -> None:
    with pytest.raises(TypeError, match="decorates a function"):
        step("x")(5)  # type: ignore[type-var]
