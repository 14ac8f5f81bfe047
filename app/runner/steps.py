"""Steps of a session, from what the handler tells of them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from app.runner.session_log import fit_for_text
from app.store.hot.session_rows import StepState

# More than anybody reads; a loop of steps must not fill the database.
MOST_STEPS = 10_000

# More than three weeks, and what a column of whole numbers holds.
MOST_MILLISECONDS = 2**31 - 1


class Steps:
    """The steps that have begun, numbered in that order.

    `known` are those of earlier runs of the session. One that was cut off is begun again, as the same step.
    """

    def __init__(self, clock: Callable[[], datetime], known: Sequence[StepState] = ()) -> None:
        self._clock = clock
        self._latest = {step.number: step for step in known}
        self._count = max((step.number for step in known), default=0)
        self._open = [step for step in known if step.status == "running"]
        self._cut_off = list(self._open)

    @property
    def all(self) -> list[StepState]:
        """The steps as they are now, in the order in which they began."""
        return [self._latest[number] for number in sorted(self._latest)]

    def tell(self, fact: str, details: dict[str, Any]) -> list[StepState]:
        """Return the step that has begun or ended, as a list of one, or of none beyond the bound."""
        changed = self._change(fact, details)
        self._latest |= {step.number: step for step in changed}
        return changed

    def fail_open(self, reason: str) -> list[StepState]:
        """Return the steps that were cut off, as failed."""
        cut, self._open = self._open, []
        failed = [StepState(step.number, step.name, "failed", step.started_at, None, reason) for step in cut]
        self._latest |= {step.number: step for step in failed}
        return failed

    def _change(self, fact: str, details: dict[str, Any]) -> list[StepState]:
        name = fit_for_text(str(details.get("name", "")))
        if fact == "step_started":
            number = self._number(name)
            if number > MOST_STEPS:
                return []
            step = StepState(number, name, "running", self._clock())
            self._open.append(step)
            return [StepState(step.number, step.name, step.status, step.started_at)]
        found = next((step for step in reversed(self._open) if step.name == name), None)
        if found is None:
            return []
        self._open.remove(found)
        if found in self._cut_off:
            self._cut_off.remove(found)
        error = details.get("error")
        return [
            StepState(
                found.number,
                name,
                "completed" if details.get("status") == "completed" else "failed",
                found.started_at,
                min(max(int(details.get("duration_ms") or 0), 0), MOST_MILLISECONDS),
                None if error is None else fit_for_text(str(error)),
            )
        ]

    def _number(self, name: str) -> int:
        """Return the number of a step that begins: its own, if it was cut off when the session ran before."""
        again = next((step for step in self._cut_off if step.name == name), None)
        if again is None:
            self._count += 1
            return self._count
        self._cut_off.remove(again)
        self._open.remove(again)
        return again.number
