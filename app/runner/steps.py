"""Steps of a session, from what the handler tells of them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from app.runner.session_log import fit_for_text
from app.store.hot.session_rows import StepState

# More than anybody reads; a loop of steps must not fill the database.
MOST_STEPS = 10_000


class Steps:
    """The steps that have begun, numbered in that order."""

    def __init__(self, clock: Callable[[], datetime], known: Sequence[StepState] = ()) -> None:
        self._clock = clock
        self._count = max((step.number for step in known), default=0)
        self._open = [step for step in known if step.status == "running"]

    def tell(self, fact: str, details: dict[str, Any]) -> list[StepState]:
        """Return the step that has begun or ended, as a list of one, or of none beyond the bound."""
        name = fit_for_text(str(details.get("name", "")))
        if fact == "step_started":
            self._count += 1
            if self._count > MOST_STEPS:
                return []
            step = StepState(self._count, name, "running", self._clock())
            self._open.append(step)
            return [StepState(step.number, step.name, step.status, step.started_at)]
        found = next((step for step in reversed(self._open) if step.name == name), None)
        if found is None:
            return []
        self._open.remove(found)
        error = details.get("error")
        return [
            StepState(
                found.number,
                name,
                "completed" if details.get("status") == "completed" else "failed",
                found.started_at,
                int(details.get("duration_ms") or 0),
                None if error is None else fit_for_text(str(error)),
            )
        ]

    def fail_open(self, reason: str) -> list[StepState]:
        """Return the steps that were cut off, as failed."""
        cut, self._open = self._open, []
        return [StepState(step.number, step.name, "failed", step.started_at, None, reason) for step in cut]
