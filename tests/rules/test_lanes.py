"""How the limit of an endpoint's lane adapts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.lanes import AdaptiveLimit
from app.rules.lifecycle import ResultClass

OVERLOADS = [
    (ResultClass.TIMEOUT, None),
    (ResultClass.DNS, None),
    (ResultClass.CONNECT, None),
    (ResultClass.TLS, None),
    (ResultClass.TOO_MANY_REQUESTS, 429),
    (ResultClass.SERVER_ERROR, 503),
]
NEUTRAL = [
    (ResultClass.REDIRECT, 301),
    (ResultClass.CLIENT_ERROR, 404),
    (ResultClass.SERVER_ERROR, 500),
    (ResultClass.SERVER_ERROR, 502),
    (ResultClass.BLOCKED, None),
    (ResultClass.PROTOCOL, None),
]


def succeed(limit: AdaptiveLimit, times: int, *, work_waits: bool = True) -> None:
    for _ in range(times):
        limit.record(ResultClass.SUCCESS, work_waits=work_waits, status_code=200)


def time_out(limit: AdaptiveLimit, times: int) -> None:
    for _ in range(times):
        limit.record(ResultClass.TIMEOUT, work_waits=True)


def test_it_starts_at_sixteen_and_doubles_after_a_round_of_successes() -> None:
    limit = AdaptiveLimit()
    succeed(limit, 15)
    assert limit.limit == 16
    succeed(limit, 1)
    assert limit.limit == 32
    succeed(limit, 31)
    assert limit.limit == 32
    succeed(limit, 1)
    assert limit.limit == 64


def test_it_stops_at_256() -> None:
    limit = AdaptiveLimit()
    succeed(limit, 10_000)
    assert limit.limit == 256


def test_it_does_not_grow_while_nothing_waits() -> None:
    limit = AdaptiveLimit()
    succeed(limit, 1000, work_waits=False)
    assert limit.limit == 16
    succeed(limit, 15)
    assert limit.limit == 16


@pytest.mark.parametrize(("result", "status_code"), OVERLOADS)
def test_a_sign_of_too_much_load_halves_it(result: ResultClass, status_code: int | None) -> None:
    limit = AdaptiveLimit()
    limit.record(result, work_waits=False, status_code=status_code)
    assert limit.limit == 8


@pytest.mark.parametrize(("result", "status_code"), NEUTRAL)
def test_other_answers_do_not_move_it_but_break_a_run_of_successes(
    result: ResultClass, status_code: int | None
) -> None:
    limit = AdaptiveLimit()
    succeed(limit, 15)
    limit.record(result, work_waits=True, status_code=status_code)
    assert limit.limit == 16
    succeed(limit, 15)
    assert limit.limit == 16
    succeed(limit, 1)
    assert limit.limit == 32


def test_time_outs_that_were_in_flight_together_halve_it_once() -> None:
    limit = AdaptiveLimit()
    time_out(limit, 16)
    assert limit.limit == 8
    time_out(limit, 8)
    assert limit.limit == 4


def test_what_was_in_flight_at_a_halving_does_not_raise_it_again() -> None:
    limit = AdaptiveLimit()
    time_out(limit, 1)
    succeed(limit, 15)
    assert limit.limit == 8
    succeed(limit, 7)
    assert limit.limit == 8
    succeed(limit, 1)
    assert limit.limit == 16


@pytest.mark.parametrize("successes", [0, 16, 48, 112, 240])
def test_a_hanging_endpoint_gets_down_to_one_within_two_limits_of_results(successes: int) -> None:
    limit = AdaptiveLimit()
    succeed(limit, successes)
    time_out(limit, 2 * limit.limit - 1)
    assert limit.limit == 1


def test_it_stays_at_one_until_the_endpoint_answers_again() -> None:
    limit = AdaptiveLimit()
    time_out(limit, 1000)
    assert limit.limit == 1
    succeed(limit, 1)
    assert limit.limit == 2
    succeed(limit, 2)
    assert limit.limit == 4


@pytest.mark.parametrize("fixed", [1, 5, 256])
def test_a_limit_that_the_owner_chose_never_moves(fixed: int) -> None:
    limit = AdaptiveLimit(fixed)
    succeed(limit, 1000)
    assert limit.limit == fixed
    time_out(limit, 1000)
    assert limit.limit == fixed


@given(
    st.lists(
        st.tuples(st.sampled_from(OVERLOADS + NEUTRAL + [(ResultClass.SUCCESS, 200)] * 40), st.booleans())
    )
)
def test_it_is_always_a_power_of_two_between_its_bounds(
    results: list[tuple[tuple[ResultClass, int | None], bool]],
) -> None:
    limit = AdaptiveLimit()
    for (result, status_code), work_waits in results:
        before = limit.limit
        limit.record(result, work_waits=work_waits, status_code=status_code)
        assert limit.limit in {before, before * 2, before // 2}
        assert limit.limit in {1, 2, 4, 8, 16, 32, 64, 128, 256}
