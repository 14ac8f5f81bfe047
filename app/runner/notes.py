"""What gathers while a session is performed, and when it is written.

Lines, records, steps and outcomes gather in a writing. It is committed when something depends on it: the handler
waits, a caller waits, or a moment has passed. Whoever waits for an outcome is told after its commit.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from app.inbound.answers import Answer
from app.queue import RequestsAnswered, SessionsDue, SessionsWoken
from app.runner.handler_errors import LeaseLost
from app.runner.past import Past
from app.runner.session_log import SessionLog, fit_for_text
from app.runner.stage import Stage
from app.runner.steps import Steps
from app.store.hot.contract import NewEvent
from app.store.hot.session_rows import (
    ClaimedSession,
    NewOutcome,
    NewRecord,
    NewSignal,
    SessionChange,
    StepState,
    Writing,
    Written,
)

# How long lines may wait for company before they are written.
GATHER_SECONDS = 0.05


class Notes:
    """The notes of one performance; `lost` is called when somebody else turns out to have the session."""

    def __init__(
        self, stage: Stage, session: ClaimedSession, past: Past, *, lost: Callable[[], None]
    ) -> None:
        self._stage = stage
        self._session = session
        self._lost = lost
        self._log = SessionLog(
            session.log_length, stage.wiring.clock, characters=past.characters, is_cut=past.is_log_cut
        )
        self._steps = Steps(stage.wiring.clock, past.steps)
        self.custom_data: dict[str, Any] = json.loads(session.custom_data or "{}")
        self.outcome = past.outcome
        self.is_answered = past.is_answered
        self._pending = Writing(session.id, session.token)
        self._writing = asyncio.Lock()
        self._later: asyncio.TimerHandle | None = None
        self._is_urgent = False
        self._flushes: set[asyncio.Task[Written]] = set()

    @property
    def steps(self) -> Sequence[StepState]:
        """The steps that have begun, as they are now."""
        return self._steps.all

    def log(self, kind: str, text: str | None = None, data: Any = None) -> None:
        """Add to the session's log."""
        self._pending.log += self._log.add(kind, text, data)

    def step(self, fact: str, details: dict[str, Any]) -> None:
        """Note that a step has begun or ended."""
        self._pending.steps += self._steps.tell(fact, details)

    def fail_open_steps(self, reason: str) -> None:
        """Note that steps were cut off."""
        self._pending.steps += self._steps.fail_open(reason)

    def answer(self, outcome: NewOutcome, *, shown: str | None) -> None:
        """Answer a request, unless it has been answered; `shown` is JSON for people, if it is the session's own."""
        self._pending.outcomes.append(outcome)
        if shown is not None:
            self.show_outcome(shown)

    def show_outcome(self, shown: str) -> None:
        """Show this as what the session answered."""
        self.outcome = self._pending.outcome = shown

    def attach(self, values: dict[str, Any]) -> None:
        """Attach custom data to the session."""
        self.custom_data |= values
        self._pending.custom_data = json.dumps(self.custom_data)

    def signal(self, signal: NewSignal) -> None:
        """Leave a signal for another session."""
        self._pending.signals.append(signal)

    def record(self, seq: int, kind: str, name: str, result: str) -> None:
        """Record a result of a durable session."""
        self._pending.records.append(NewRecord(seq, kind, fit_for_text(name), result.encode()))

    def drop(self) -> None:
        """Forget what has gathered: it cannot be written. Its numbers stay free."""
        self._pending = Writing(self._session.id, self._session.token)
        self._steps = Steps(self._stage.wiring.clock)

    async def flush(
        self,
        change: SessionChange | None = None,
        *,
        event: NewEvent | None = None,
        forgets_waits: bool = False,
    ) -> Written:
        """Commit what has gathered, then tell whoever waits for it; `event` tells the world of the change.

        Raises:
            LeaseLost: the session is another's by now.
        """
        async with self._writing:
            writing, self._pending = self._pending, Writing(self._session.id, self._session.token)
            writing.change, writing.event, writing.forgets_waits = change, event, forgets_waits
            if self._later is not None:
                self._later.cancel()
            self._later, self._is_urgent = None, False
            written = await self._stage.writer.write(writing)
        if not written.held:
            raise LeaseLost
        self._tell(writing, written)
        return written

    async def flush_what_was_said(self) -> None:
        """Commit what the handler has said and done so far; what only the service has to say can wait.

        Raises:
            LeaseLost: the session is another's by now.
        """
        pending = self._pending
        own = pending.records or pending.steps or pending.outcomes or pending.signals
        shown = pending.outcome is not None or pending.custom_data is not None
        if self._writing.locked() or own or shown or any(entry.kind != "state" for entry in pending.log):
            await self.flush()

    def flush_soon(self) -> None:
        """See to it that what has gathered is written soon, and at once if a caller waits for it."""
        loop = asyncio.get_running_loop()
        if self._pending.outcomes:
            if not self._is_urgent:
                # In the next turn of the loop: the handler's end may have come together with its answer.
                self._is_urgent = True
                if self._later is not None:
                    self._later.cancel()
                self._later = loop.call_later(0, self._flush_behind)
        elif self._later is None and (self._pending.log or self._pending.steps or self._pending.records):
            self._later = loop.call_later(GATHER_SECONDS, self._flush_behind)

    async def settle(self) -> None:
        """Wait for what is being written in the background."""
        if self._flushes:
            await asyncio.gather(*self._flushes, return_exceptions=True)

    def _flush_behind(self) -> None:
        self._later = None
        task = asyncio.get_running_loop().create_task(self.flush())
        self._flushes.add(task)
        task.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[Written]) -> None:
        self._flushes.discard(task)
        if not task.cancelled() and isinstance(task.exception(), LeaseLost):
            self._lost()

    def _tell(self, writing: Writing, written: Written) -> None:
        """Tell those who wait for what has been committed."""
        queue = self._stage.wiring.queue
        for outcome in writing.outcomes:
            if outcome.request_id in written.late:
                self.log("outcome", "ignored: the request had been answered before")
            elif not self._stage.waiters.tell(outcome.request_id, Answer.of(outcome)):
                queue.give(RequestsAnswered([outcome.request_id]))
        if writing.signals:
            ids = sorted({signal.session_id for signal in writing.signals})
            for session_id in ids:
                self._stage.bells.ring(session_id)
            queue.give(SessionsWoken(ids))
            queue.give(SessionsDue())
