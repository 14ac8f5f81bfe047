"""Steps of a session, from what the handler tells of them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from app.runner.session_log import fit_for_text
from app.store.hot.session_rows import StepState

# More than anybody reads; a loop of steps must not fill the database.
MOST_STEPS = 10_000

RUNNING = "running"
COMPLETED = "completed"


class Steps:
    """The steps that have begun, numbered in that order.

    `known` are those of earlier runs of the session. A durable session numbers its steps itself, and one that was
    completed before stays as it was then. Another session begins a step that was cut off again, as the same one.
    """

    def __init__(self, clock: Callable[[], datetime], known: Sequence[StepState] = ()) -> None:
        self._clock = clock
        self._latest = {step.number: step for step in known}
        self._count = max(self._latest, default=0)
        self._cut_off = [step for step in known if step.status == RUNNING]
        # In the order in which they began in this run.
        self._open = list(self._cut_off)

    @property
    def all(self) -> list[StepState]:
        """The steps as they are now, in the order in which they began."""
        return [self._latest[number] for number in sorted(self._latest)]

    def tell(self, fact: str, details: dict[str, Any]) -> list[StepState]:
        """Return the step that has begun or ended, as a list of one, or of none if nothing is new."""
        name, given = fit_for_text(str(details.get("name", ""))), details.get("number")
        step = self._begin(name, given) if fact == "step_started" else self._end(name, given, details)
        if step is None:
            return []
        self._latest[step.number] = step
        self._open = [one for one in self._open if one.number != step.number]
        if step.status == RUNNING:
            self._open.append(step)
        return [step]

    def fail_open(self, reason: str) -> list[StepState]:
        """Return the steps that were cut off, as failed."""
        cut, self._open = self._open, []
        failed = [StepState(step.number, step.name, "failed", step.started_at, None, reason) for step in cut]
        self._latest |= {step.number: step for step in failed}
        return failed

    def _begin(self, name: str, given: int | None) -> StepState | None:
        number = self._number(name) if given is None else given
        known = self._latest.get(number)
        if not 0 < number <= MOST_STEPS or (given is not None and known and known.status == COMPLETED):
            return None
        return StepState(number, name, RUNNING, self._clock())

    def _end(self, name: str, given: int | None, details: dict[str, Any]) -> StepState | None:
        found = next((s for s in reversed(self._open) if s.name == name and given in (None, s.number)), None)
        if found is None:
            return None
        if found in self._cut_off:
            self._cut_off.remove(found)
        error = details.get("error")
        return StepState(
            found.number,
            name,
            COMPLETED if details.get("status") == COMPLETED else "failed",
            found.started_at,
            int(details.get("duration_ms") or 0),
            None if error is None else fit_for_text(str(error)),
        )

    def _number(self, name: str) -> int:
        """Return the number of a step that begins: its own, if it was cut off when the session ran before."""
        again = next((step for step in self._cut_off if step.name == name), None)
        if again is None:
            self._count += 1
            return self._count
        self._cut_off.remove(again)
        return again.number
