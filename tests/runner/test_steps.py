"""Steps of a session, from what its handler tells of them."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from app.runner.steps import MOST_STEPS, Steps
from app.store.hot.session_rows import StepState

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def new_steps(*known: StepState) -> Steps:
    """Return the steps of a session in which a second passes with each step that begins."""
    seconds = count()
    return Steps(lambda: START + timedelta(seconds=next(seconds)), known)


def begin(steps: Steps, name: str = "load") -> list[StepState]:
    return steps.tell("step_started", {"name": name})


def end(steps: Steps, name: str = "load", **details: Any) -> list[StepState]:
    return steps.tell("step_ended", {"name": name, "status": "completed", "duration_ms": 12, **details})


def shown(state: StepState) -> tuple[int, str, str, int | None]:
    return state.number, state.name, state.status, state.duration_ms


def test_a_step_runs_from_its_beginning_to_its_end() -> None:
    steps = new_steps()
    [running] = begin(steps)
    [completed] = end(steps)
    assert (running.number, running.status, running.started_at, running.error) == (1, "running", START, None)
    assert shown(completed) == (1, "load", "completed", 12)
    assert completed.started_at == running.started_at


def test_a_step_that_fails_says_why() -> None:
    steps = new_steps()
    begin(steps)
    [failed] = end(steps, status="failed", error="ValueError: no\0\ud800")
    assert (failed.status, failed.error) == ("failed", "ValueError: no\ufffd?")


def test_steps_are_numbered_as_they_begin_and_may_be_nested() -> None:
    steps = new_steps()
    states = [*begin(steps, "outer"), *begin(steps, "inner"), *end(steps, "inner"), *end(steps, "outer")]
    assert [(state.number, state.name) for state in states] == [
        (1, "outer"), (2, "inner"), (2, "inner"), (1, "outer")
    ]  # fmt: skip


def test_of_steps_of_one_name_the_one_that_began_last_ends_first() -> None:
    steps = new_steps()
    begin(steps)
    begin(steps)
    assert [state.number for state in [*end(steps), *end(steps)]] == [2, 1]


def test_an_end_without_a_beginning_is_nothing() -> None:
    steps = new_steps()
    assert end(steps) == []
    begin(steps)
    assert end(steps, "other") == []


def test_what_is_open_when_the_session_ends_was_cut_off() -> None:
    steps = new_steps()
    begin(steps, "a")
    begin(steps, "b")
    end(steps, "b")
    begin(steps, "c")
    assert [(state.number, state.status, state.error) for state in steps.fail_open("stopped")] == [
        (1, "failed", "stopped"),
        (3, "failed", "stopped"),
    ]
    assert steps.fail_open("stopped") == []


def test_a_step_that_was_cut_off_when_the_session_ran_before_is_begun_again_as_itself() -> None:
    steps = new_steps(
        StepState(1, "load", "completed", START, 5),
        StepState(2, "save", "running", START),
    )
    [again] = begin(steps, "save")
    assert shown(again) == (2, "save", "running", None)
    assert [shown(state) for state in end(steps, "save")] == [(2, "save", "completed", 12)]
    assert [state.number for state in begin(steps, "save")] == [3]


def test_a_step_around_a_wait_ends_in_another_process_as_itself() -> None:
    """The handler that runs again does not tell of its beginning, which was recorded before."""
    steps = new_steps(StepState(1, "around a wait", "running", START))
    assert [shown(state) for state in end(steps, "around a wait")] == [(1, "around a wait", "completed", 12)]
    assert [state.number for state in begin(steps, "around a wait")] == [2]


def test_no_more_steps_are_kept_than_anybody_reads() -> None:
    steps = new_steps()
    kept = []
    for _ in range(MOST_STEPS + 5):
        kept += begin(steps)
        kept += end(steps)
    assert len(kept) == 2 * MOST_STEPS
    assert kept[-1].number == MOST_STEPS


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "Größe"])
def test_a_step_of_any_name_is_found_again(name: str) -> None:
    steps = new_steps()
    [running] = begin(steps, name)
    running.name.encode()
    assert "\0" not in running.name
    assert [state.number for state in end(steps, name)] == [1]
