"""What the benchmark concludes from what was sent and what arrived."""

import math
from array import array

import pytest

from bench.ledger import Arrivals, Ledger, percentile
from bench.load import Load, Sent
from bench.receiver import ENDPOINT_BITS
from bench.row import Figure
from bench.stack import Database

MILLISECOND_NS = 1_000_000


def sent(statuses: list[int], *, events_per_call: int = 1, deliveries_per_event: int = 1) -> Sent:
    """Calls that fell due one millisecond after the other, the first event of which is number 100."""
    load = Load(
        port=1,
        key="afk_",
        tag="00000000",
        first=100,
        seconds=1,
        events_per_call=events_per_call,
        deliveries_per_event=deliveries_per_event,
    )
    due = array("q", [call * MILLISECOND_NS for call in range(len(statuses))])
    return Sent(load, due, due, due, array("H", statuses), cpu_seconds=0)


def arrivals(*entries: tuple[int, int, int]) -> Arrivals:
    """Arrivals given as (millisecond, number, endpoint)."""
    times = array("q", [millisecond * MILLISECOND_NS for millisecond, _, _ in entries])
    marks = array("q", [number << ENDPOINT_BITS | endpoint for _, number, endpoint in entries])
    return Arrivals(times, marks, ["/ok/0", "/ok/1"])


def everything(_: int) -> bool:
    return True


def test_an_accepted_event_that_did_not_arrive_is_missing() -> None:
    ledger = Ledger.of(sent([202, 202]), arrivals((1, 100, 0)))

    assert ledger.missing(everything) == 1


def test_an_event_that_was_not_accepted_is_not_missed() -> None:
    ledger = Ledger.of(sent([202, 503, 0]), arrivals((1, 100, 0)))

    assert ledger.missing(everything) == 0


def test_every_endpoint_of_a_fan_out_is_expected() -> None:
    ledger = Ledger.of(
        sent([202], events_per_call=2, deliveries_per_event=2), arrivals((1, 100, 0), (1, 100, 1))
    )

    assert ledger.missing(everything) == 2


def test_a_second_arrival_does_not_stand_for_a_missing_one() -> None:
    ledger = Ledger.of(sent([202, 202]), arrivals((1, 100, 0), (2, 100, 0)))

    assert ledger.missing(everything) == 1
    assert ledger.repeated == [(100, "/ok/0", 2 * MILLISECOND_NS)]


def test_arrivals_of_another_load_are_left_out() -> None:
    ledger = Ledger.of(sent([202]), arrivals((1, 99, 0), (1, 100, 0), (1, 101, 0)))

    assert ledger.first_arrivals == {(100, "/ok/0"): MILLISECOND_NS}


def test_a_delay_counts_from_when_the_call_fell_due_to_the_first_arrival() -> None:
    ledger = Ledger.of(sent([202, 202]), arrivals((5, 100, 0), (7, 101, 0), (900, 101, 0)))

    assert ledger.delays_ms() == [5, 6]


def test_a_delay_past_a_crash_counts_from_the_crash_and_leaves_out_what_had_arrived() -> None:
    ledger = Ledger.of(sent([202] * 4), arrivals((1, 100, 0), (50, 101, 0), (60, 103, 0)))

    assert ledger.delays_ms(since_ns=2 * MILLISECOND_NS) == [48, 57]


def test_delays_can_be_limited_to_some_endpoints() -> None:
    ledger = Ledger.of(sent([202, 202]), arrivals((5, 100, 0), (7, 101, 1)))

    assert ledger.delays_ms(at={"/ok/1"}) == [6]


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_percentiles_are_values_that_occurred(percent: float, expected: float) -> None:
    assert percentile(range(1, 101), percent) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    assert math.isnan(percentile([], 99))


def test_the_median_run_decides_but_a_single_loss_is_too_many() -> None:
    delay = Figure("p99", "p99", "ms", {Database.SQLITE: 2.0, Database.POSTGRESQL: 1.0})
    lost = Figure("lost", "lost", "", 0, counts="worst")

    assert delay.is_met(delay.value_of([1.0, 1.5, 30.0]), Database.SQLITE)
    assert not delay.is_met(delay.value_of([1.0, 1.5, 30.0]), Database.POSTGRESQL)
    assert not lost.is_met(lost.value_of([0, 1, 0]), Database.SQLITE)
