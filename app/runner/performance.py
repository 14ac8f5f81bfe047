"""One session in one process: what the handler says, asks for and leaves.

1. Messages are taken in order. What they leave gathers in notes, which are written when something depends on it.
2. A record of a durable session is committed before the handler goes on, and what the operation did with it.
3. A caller is answered after the commit of the outcome, with the outcome that came first.
4. Only the holder of the lease writes. Whoever has lost it stops without a word.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from app.inbound.wire import as_event
from app.runner.active_time import ActiveTime
from app.runner.ends import Abandoned, Completed, Died, EndOfPerformance, Failed, Stopped
from app.runner.handler_errors import HandlerStopped, LeaseLost, SessionEnds
from app.runner.notes import Notes
from app.runner.past import Past
from app.runner.processes import Place
from app.runner.programs import Program
from app.runner.session_log import fit_for_text
from app.runner.stage import Stage
from app.runner.zygote import Process
from app.store.hot.session_rows import ClaimedSession

# How long a process may take to end that has closed its channel; after that it is killed.
DEATH_SECONDS = 1.0

# How long messages are taken before others have their turn.
TURN_SECONDS = 0.001

# Far more than an integration's call is tried.
MOST_RETRIES = 1_000

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
        self._past = past
        self.notes = Notes(stage, session, past, lost=lambda: self.cut(Abandoned()))
        self.bell = stage.bells.hang(session.id)
        self.wakes_seen = session.wakes
        # Whether there may be subscriptions, signals or records to forget at the end.
        self.has_waits = session.is_durable
        self.is_reusable = False
        trigger = program.triggers.get(session.trigger_id or "")
        limit = (trigger and trigger.max_seconds) or stage.wiring.settings.runner_session_seconds
        self.active_time = ActiveTime(
            session.active_seconds,
            limit_seconds=limit,
            exceeded=lambda: self.cut(
                Failed(f"The session was active for more than {limit:g} seconds.", code="TIMEOUT")
            ),
        )
        self._process: Process | None = None
        self._stop: str | None = None
        self._cut: EndOfPerformance | None = None

    async def perform(self, process: Process) -> EndOfPerformance:
        """Run the handler in a process, to its end or to a wait."""
        self._process = process
        session = self.session
        self.notes.log(
            "state", "running" if session.attempt == 1 else f"running again, attempt {session.attempt}"
        )
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
        self.active_time.run()
        loop = asyncio.get_running_loop()
        turn_ends_at = loop.time() + TURN_SECONDS
        try:
            while (message := await process.channel.receive()) is not None:
                if (end := await self._take(message)) is not None:
                    return self._cut or end
                self.notes.flush_soon()
                if loop.time() > turn_ends_at:
                    # A handler that never stops talking must not keep everybody else waiting.
                    await asyncio.sleep(0)
                    turn_ends_at = loop.time() + TURN_SECONDS
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
            self.active_time.pause()
            # From here on it may be another session's.
            self._process = None

    def stop(self, reason: str, *, grace_seconds: float) -> None:
        """End the session: at its next word or wait, or by force when the grace is over."""
        if self._stop is None:
            self._stop = reason
            self.notes.log("stop", reason)
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
        self.active_time.pause()
        self.place.give_up()

    async def go_on(self) -> None:
        """Take the place up again, when it is one's turn."""
        if not self.place.is_held:
            await self.place.take()
            self.active_time.run()

    async def _take(self, message: dict[str, Any]) -> EndOfPerformance | None:
        """Act on a message; returns how the session ended, if it did."""
        if "print" in message:
            self.notes.log(
                "print", str(message["print"]), {"loading": True} if "loading" in message else None
            )
        elif "tell" in message:
            self.notes.step(message["tell"], message["details"])
            if "record" in message:
                self.notes.record(*message["record"])
        elif "record" in message:
            await self._record(message)
        elif "perform" in message:
            await self._operate(message)
        elif "ended" in message:
            if message["ended"] is not None:
                json.loads(message["ended"])
            self.is_reusable = bool(message.get("reusable"))
            if message.get("unfit"):
                self.notes.log("error", f"The returned value is not shown: {message['unfit']}")
            return Completed(message["ended"], message.get("unfit"))
        elif "failed" in message:
            self.is_reusable = bool(message.get("reusable"))
            failed = message["failed"]
            return Failed(
                fit_for_text(str(failed["message"])),
                str(failed["traceback"]),
                details=read_details(failed.get("error")),
            )
        elif "stopped" in message:
            return Stopped(self._stop or fit_for_text(str(message["stopped"])))
        return None

    async def _record(self, message: dict[str, Any]) -> None:
        seq, kind, name, result = message["record"]
        self.notes.record(seq, kind, name, result)
        if message.get("awaited") and self._process is not None:
            await self.notes.flush()
            self._process.channel.send({})

    async def _operate(self, message: dict[str, Any]) -> None:
        answer = await self._operate_on(self, message)
        if message.get("awaited") and self._process is not None:
            self._process.channel.send(answer)

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


def read_details(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what a process says of the integration's call that its handler failed by.

    Raises:
        LookupError, TypeError, ValueError: our package would not have sent it.
    """
    if error is None:
        return None
    retry_count = int(error["retry_count"])
    if not 0 <= retry_count <= MOST_RETRIES:
        raise ValueError("there are no so many retries")
    return {
        "integration": fit_for_text(str(error["integration"])),
        "error_code": fit_for_text(str(error["error_code"])),
        "retry_count": retry_count,
    }
