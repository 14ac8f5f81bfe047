"""One session in one process: what the handler says, asks for and leaves.

1. Messages are taken in order. What they leave (lines, records, steps, outcomes) gathers in a writing, which is
   committed when something depends on it: the handler waits, a caller waits, or a moment has passed.
2. A record of a durable session is committed before the handler goes on, and what the operation did with it.
3. A caller is answered after the commit of the outcome, with the outcome that came first.
4. Only the holder of the lease writes. Whoever has lost it stops without a word.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from app.inbound.answers import Answer
from app.inbound.wire import as_event
from app.queue import RequestsAnswered, SessionsDue, SessionsWoken
from app.rules.manifest import TriggerSpec
from app.runner.ends import Abandoned, Completed, Died, EndOfPerformance, Failed, Stopped
from app.runner.handler_errors import HandlerStopped, LeaseLost, SessionEnds
from app.runner.past import Past
from app.runner.processes import Place
from app.runner.programs import Program
from app.runner.session_log import SessionLog, fit_for_text
from app.runner.stage import Stage
from app.runner.steps import Steps
from app.runner.zygote import Process
from app.store.hot.session_rows import (
    ClaimedSession,
    NewOutcome,
    NewRecord,
    NewSignal,
    SessionChange,
    Writing,
    Written,
)

# How long lines may wait for company before they are written.
GATHER_SECONDS = 0.05

# How long a process may take to end that has closed its channel; after that it is killed.
DEATH_SECONDS = 1.0

# Messages taken before others have their turn.
MESSAGES_IN_A_ROW = 64

# What comes of messages that our package would not have sent: only an author's own hand on the channel does that.
NOT_UNDERSTOOD = (AttributeError, LookupError, TypeError, ValueError, RecursionError)

log = structlog.get_logger()

# Carries out what a handler asks for and returns the message that answers it.
Operate = Callable[["Performance", dict[str, Any]], Awaitable[dict[str, Any]]]


class Performance:
    """A session while it is performed here."""

    def __init__(
        self,
        stage: Stage,
        session: ClaimedSession,
        *,
        program: Program,
        place: Place,
        operate: Operate,
        past: Past,
    ) -> None:
        self.stage = stage
        self.session = session
        self.program = program
        self.place = place
        self._operate_on = operate
        self.log = SessionLog(session.log_length, stage.wiring.clock)
        self.bell = stage.bells.hang(session.id)
        self.custom_data: dict[str, Any] = json.loads(session.custom_data or "{}")
        self.outcome = past.outcome
        self.is_answered = past.is_answered
        # Whether there may be subscriptions, signals or records to forget at the end.
        self.has_waits = session.is_durable
        self._past = past
        self._steps = Steps(stage.wiring.clock, past.steps)
        self._pending = Writing(session.id, session.token)
        self._writing = asyncio.Lock()
        self._later: asyncio.TimerHandle | None = None
        self._is_urgent = False
        self._flushes: set[asyncio.Task[Written]] = set()
        self._process: Process | None = None
        self._stop: str | None = None
        self._cut: EndOfPerformance | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._active_since: float | None = None
        self.active_seconds = session.active_seconds
        self.wakes_seen = session.wakes
        self.is_reusable = False

    @property
    def trigger(self) -> TriggerSpec | None:
        """The trigger as the deployment has it, if one started the session by its call."""
        return next((t for t in self.program.manifest.triggers if t.call == self.session.call), None)

    @property
    def stop_reason(self) -> str | None:
        """Why the session is to stop, if it is."""
        return self._stop

    async def perform(self, process: Process) -> EndOfPerformance:
        """Run the handler in a process, to its end or to a wait."""
        self._process = process
        session = self.session
        self.note("state", "running" if session.attempt == 1 else f"running again, attempt {session.attempt}")
        process.channel.send(
            {
                "run": {
                    "session_id": session.id,
                    "call": session.call,
                    "event": self._event(),
                    "durable": session.is_durable,
                    "journal": self._past.records,
                    "prints": self._past.prints,
                    "first": session.attempt == 1,
                }
            }
        )
        self.resume_clock()
        try:
            for count in itertools.count(1):
                message = await process.channel.receive()
                if message is None:
                    break
                if (end := await self._take(message)) is not None:
                    return self._cut or end
                self._gather()
                if count % MESSAGES_IN_A_ROW == 0:
                    # A handler that never stops talking must not keep everybody else waiting.
                    await asyncio.sleep(0)
            return self._cut or await self._died(process)
        except SessionEnds as ends:
            return self._cut or ends.end
        except LeaseLost:
            return Abandoned()
        except NOT_UNDERSTOOD:
            log.warning("message_not_understood", session=session.id, exc_info=True)
            process.channel.refuse()
            return self._cut or await self._died(process)
        finally:
            self.pause_clock()
            # From here on it may be another session's.
            self._process = None

    def note(self, kind: str, text: str | None = None, data: Any = None) -> None:
        """Add to the session's log."""
        self._pending.log += self.log.add(kind, text, data)

    def stop(self, reason: str, *, grace_seconds: float) -> None:
        """End the session: at its next word or wait, or by force when the grace is over."""
        if self._stop is None:
            self._stop = reason
            self.note("stop", reason)
            self.bell.set()
            asyncio.get_running_loop().call_later(grace_seconds, self.cut, Stopped(reason))

    def cut(self, end: EndOfPerformance) -> None:
        """End the process now, and the performance as said."""
        if self._cut is None:
            self._cut = end
            self.bell.set()
            if self._process is not None:
                self._process.kill()

    def check_stop(self) -> None:
        """Let the handler hear that it is to stop.

        Raises:
            HandlerStopped: it is.
        """
        if self._cut is not None:
            raise SessionEnds(self._cut)
        if self._stop is not None:
            raise HandlerStopped(self._stop)

    def rest(self) -> None:
        """Let others work, and count no time: the session waits."""
        self.pause_clock()
        self.place.give_up()

    async def go_on(self) -> None:
        """Take the place up again, when it is one's turn."""
        if not self.place.is_held:
            await self.place.take()
            self.resume_clock()

    def pause_clock(self) -> None:
        """Count no active time."""
        if self._active_since is not None:
            self.active_seconds += asyncio.get_running_loop().time() - self._active_since
            self._active_since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resume_clock(self) -> None:
        """Count active time, and end the session when there has been too much."""
        trigger = self.trigger
        limit = (trigger and trigger.max_seconds) or self.stage.wiring.settings.runner_session_seconds
        loop = asyncio.get_running_loop()
        self._active_since = loop.time()
        end = Failed(f"The session was active for more than {limit:g} seconds.")
        self._timer = loop.call_later(max(0.0, limit - self.active_seconds), self.cut, end)

    async def flush(self, change: SessionChange | None = None, *, forgets_waits: bool = False) -> Written:
        """Commit what has gathered, then tell whoever waits for it.

        Raises:
            LeaseLost: the session is another's by now.
        """
        async with self._writing:
            writing, self._pending = self._pending, Writing(self.session.id, self.session.token)
            writing.change, writing.forgets_waits = change, forgets_waits
            if self._later is not None:
                self._later.cancel()
            self._later, self._is_urgent = None, False
            written = await self.stage.writer.write(writing)
        if not written.held:
            raise LeaseLost
        self._tell(writing, written)
        return written

    def answer(self, outcome: NewOutcome, *, text: str) -> None:
        """Answer a request, unless it has been answered."""
        self._pending.outcomes.append(outcome)
        self.keep_outcome(text)

    def keep_outcome(self, text: str) -> None:
        """Show this as what the session answered."""
        self.outcome = self._pending.outcome = text

    def keep_custom_data(self, values: dict[str, Any]) -> None:
        """Attach values to the session."""
        self.custom_data |= values
        self._pending.custom_data = json.dumps(self.custom_data)

    def fail_open_steps(self, reason: str) -> None:
        """Note that steps were cut off."""
        self._pending.steps += self._steps.fail_open(reason)

    def signal(self, signal: NewSignal) -> None:
        """Leave a signal for another session with the next writing."""
        self._pending.signals.append(signal)

    def keep_record(self, seq: int, kind: str, name: str, result: str) -> None:
        """Record a result of a durable session."""
        self._pending.records.append(NewRecord(seq, kind, fit_for_text(name), result.encode()))

    def drop_pending(self) -> None:
        """Forget what has gathered: it cannot be written. Its numbers stay free."""
        self._pending = Writing(self.session.id, self.session.token)
        self._steps = Steps(self.stage.wiring.clock)

    async def settle_flushes(self) -> None:
        """Wait for what is being written in the background."""
        if self._flushes:
            await asyncio.gather(*self._flushes, return_exceptions=True)

    async def _take(self, message: dict[str, Any]) -> EndOfPerformance | None:
        """Act on a message; returns how the session ended, if it did."""
        if "print" in message:
            self.note("print", str(message["print"]), {"loading": True} if "loading" in message else None)
        elif "tell" in message:
            self._pending.steps += self._steps.tell(message["tell"], message["details"])
        elif "record" in message:
            await self._record(message)
        elif "perform" in message:
            await self._operate(message)
        elif "ended" in message:
            if message["ended"] is not None:
                json.loads(message["ended"])
            self.is_reusable = bool(message.get("reusable"))
            if message.get("unfit"):
                self.note("error", f"The returned value is not shown: {message['unfit']}")
            return Completed(message["ended"], message.get("unfit"))
        elif "failed" in message:
            self.is_reusable = bool(message.get("reusable"))
            failed = message["failed"]
            return Failed(fit_for_text(str(failed["message"])), str(failed["traceback"]))
        elif "stopped" in message:
            return Stopped(self._stop or str(message["stopped"]))
        return None

    async def _record(self, message: dict[str, Any]) -> None:
        seq, kind, name, result = message["record"]
        self.keep_record(seq, kind, name, result)
        if message.get("awaited") and self._process is not None:
            await self.flush()
            self._process.channel.send({})

    async def _operate(self, message: dict[str, Any]) -> None:
        answer = await self._operate_on(self, message)
        if message.get("awaited") and self._process is not None:
            self._process.channel.send(answer)

    def _gather(self) -> None:
        """See to it that what has gathered is written soon, and at once if a caller waits for it."""
        if self._pending.outcomes:
            if not self._is_urgent:
                # In the next turn of the loop: the handler's end may have come together with its answer.
                self._is_urgent = True
                if self._later is not None:
                    self._later.cancel()
                self._later = asyncio.get_running_loop().call_later(0, self._flush_behind)
        elif self._later is None and (self._pending.log or self._pending.steps or self._pending.records):
            self._later = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._flush_behind)

    def _flush_behind(self) -> None:
        self._later = None
        task = asyncio.get_running_loop().create_task(self.flush())
        self._flushes.add(task)
        task.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[Written]) -> None:
        self._flushes.discard(task)
        if not task.cancelled() and isinstance(task.exception(), LeaseLost):
            self.cut(Abandoned())

    def _tell(self, writing: Writing, written: Written) -> None:
        """Tell those who wait for what has been committed."""
        queue = self.stage.wiring.queue
        for outcome in writing.outcomes:
            if outcome.request_id in written.late:
                self.note("outcome", "ignored: the request had been answered before")
            elif not self.stage.waiters.tell(outcome.request_id, Answer.of(outcome)):
                queue.give(RequestsAnswered([outcome.request_id]))
        if writing.signals:
            ids = sorted({signal.session_id for signal in writing.signals})
            for session_id in ids:
                self.stage.bells.ring(session_id)
            queue.give(SessionsWoken(ids))
            queue.give(SessionsDue())

    async def _died(self, process: Process) -> EndOfPerformance:
        """Return what a closed channel means."""
        if process.channel.is_garbled:
            process.kill()
            return Died("it wrote what is no message to the channel of the service")
        try:
            async with asyncio.timeout(DEATH_SECONDS):
                await asyncio.shield(process.died)
        except TimeoutError:
            process.kill()
            return Died("it closed the channel of the service")
        return Died(process.describe_death())

    def _event(self) -> dict[str, Any]:
        """Return what the handler is called with."""
        if self.session.request is not None:
            return as_event(self.session.request)
        given = json.loads(self.session.input or "{}")
        return {
            "event_type": given.get("event_type", "start"),
            "event_id": given.get("event_id", self.session.id),
            "data": given.get("data") or {},
        }
