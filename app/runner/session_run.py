"""One claimed session from its claim to its settlement, whatever happens in between."""

import json
from datetime import timedelta

import structlog

from app.errors import Unavailable
from app.inbound.answers import End
from app.queue import RequestsAnswered, SessionsDue
from app.rules.ids import make_id
from app.runner.announcing import announce_end
from app.runner.ends import (
    Abandoned,
    Completed,
    Died,
    EndOfPerformance,
    Failed,
    HandedOver,
    Parked,
    Stopped,
)
from app.runner.handler_errors import LeaseLost
from app.runner.held import Held
from app.runner.operations import operate
from app.runner.past import read_past
from app.runner.performance import Performance
from app.runner.programs import Program
from app.runner.stage import Stage
from app.store.hot.session_rows import NewSignal, SessionChange

log = structlog.get_logger()

# How long a session waits that was refused a process, unless a caller waits for it.
NO_PROCESS_SECONDS = 1.0

# How often a session is begun again whose process died by the author's doing.
MOST_DEATHS = 3


# How a session ends whose process sent what only a program of its own making would.
NOT_CARRIED_OUT = Failed(
    "The service could not carry out what the session's process sent.", code="INTERNAL_ERROR"
)


class SessionRun:
    """Performs a session and writes down what became of it."""

    def __init__(self, stage: Stage, held: Held) -> None:
        self._stage = stage
        self._held = held
        self._session = held.session

    async def run(self) -> None:
        """Perform the session. What is not settled here, because the lease is lost, another process settles."""
        session = self._session
        try:
            program = await self._stage.programs.get(
                session.deployment_id, workflow_version=session.workflow_version
            )
        except (Unavailable, OSError):
            # The lease lapses, and whoever claims the session next may have more luck.
            return
        past = await read_past(self._stage.wiring.database, session)
        async with self._stage.processes.place(is_sync=session.is_sync) as place:
            if self._held.is_cut:
                return
            performance = Performance(
                self._stage, session, program=program, place=place, operate=operate, past=past
            )
            self._held.performance = performance
            try:
                end = await self._perform_or_fail(performance, program)
                # What is left is waiting for commits, while the next one can work.
                place.give_up()
                await performance.notes.settle()
                await self._settle_or_fail(performance, end)
            except LeaseLost:
                return
            finally:
                self._stage.bells.take_down(session.id, performance.bell)

    async def _perform_or_fail(self, performance: Performance, program: Program) -> EndOfPerformance:
        """Perform the session. What cannot be performed because of what it sends must not be tried for ever."""
        try:
            return await self._perform(performance, program)
        except LeaseLost:
            raise
        except Exception:
            log.exception("session_not_performed", session=self._session.id)
            performance.notes.drop()
            return NOT_CARRIED_OUT

    async def _perform(self, performance: Performance, program: Program) -> EndOfPerformance:
        session = self._session
        if session.is_stopping:
            return Stopped(session.stop_reason or "stopped")
        if session.is_sync and not session.is_durable and session.attempt > 1:
            return Failed(
                "The process that performed the session died, and with it the connection of its caller.",
                code="PROCESS_DIED",
            )
        if program.fault is not None:
            return Failed(program.fault, code="NOT_RUNNABLE")
        try:
            process = await self._stage.processes.acquire(
                program, is_fresh=session.is_durable and session.attempt > 1
            )
        except OSError as error:
            reason = f"The system does not allow another process: {error.strerror or error}."
            if session.is_sync:
                return Failed(reason, code="NO_PROCESS")
            log.warning("session_has_no_process", session=session.id, reason=reason)
            return HandedOver(after_seconds=NO_PROCESS_SECONDS)
        end: EndOfPerformance = Abandoned()
        try:
            end = await performance.perform(process)
        finally:
            self._stage.processes.release(
                process, program, is_reusable=isinstance(end, Completed | Failed) and performance.is_reusable
            )
        return end

    async def _settle_or_fail(self, performance: Performance, end: EndOfPerformance) -> None:
        """Settle the session. What cannot be written must not keep it from its end."""
        try:
            await self._settle(performance, end)
        except LeaseLost:
            raise
        except Exception:
            log.exception("session_not_settled", session=self._session.id)
            performance.notes.drop()
            await self._settle(performance, NOT_CARRIED_OUT)

    async def _settle(self, performance: Performance, end: EndOfPerformance) -> None:
        """Write down how the session ended, or that it goes on, and tell whoever waits."""
        session = self._session
        match end:
            case Parked() | Abandoned():
                return
            case HandedOver():
                change = self._change(performance, "created")
                change.finished_at = None
                change.due_at = self._stage.wiring.clock() + timedelta(seconds=end.after_seconds)
                await performance.notes.flush(change)
                self._stage.wiring.queue.give(SessionsDue())
                return
            case Died():
                await self._settle_death(performance, end)
                return
            case Completed():
                change = self._change(performance, "completed", result=end.result)
                performance.notes.log("state", "completed")
            case Failed():
                change = self._change(performance, "failed", error=end.message)
                performance.notes.fail_open_steps("cut off")
                performance.notes.log("error", end.traceback or end.message)
                performance.notes.log("state", "failed")
            case Stopped():
                change = self._change(performance, "stopped", error=end.reason)
                performance.notes.fail_open_steps("stopped")
                performance.notes.log("state", "stopped", {"reason": end.reason})
        if session.parent_id is not None:
            performance.notes.signal(self._signal_of_end(change))
        event = announce_end(
            session,
            end,
            self._stage.announcer,
            finished_at=change.finished_at or self._stage.wiring.clock(),
            steps=performance.notes.steps,
            custom_data=change.custom_data,
        )
        await performance.notes.flush(change, event=event, forgets_waits=performance.has_waits)
        self._count(change)
        if session.request_id is not None and session.is_sync:
            reply = End(change.status, change.result)
            if not self._stage.waiters.tell(session.request_id, reply):
                self._stage.wiring.queue.give(RequestsAnswered([session.request_id]))

    def _count(self, change: SessionChange) -> None:
        metrics = self._stage.wiring.metrics
        metrics.sessions.labels(change.status).inc()
        if change.finished_at is not None:
            metrics.session_seconds.observe((change.finished_at - self._session.created_at).total_seconds())

    async def _settle_death(self, performance: Performance, end: Died) -> None:
        """Begin again after a death by the author's doing, unless a caller waits or it has happened too often."""
        session = self._session
        deaths = session.deaths + 1
        message = f"The process of the session ended by itself: {end.how}."
        if session.is_sync or deaths >= MOST_DEATHS:
            await self._settle(performance, Failed(message, code="PROCESS_DIED"))
            return
        performance.notes.fail_open_steps("the process ended")
        performance.notes.log(
            "retry", f"{message} The session runs again, {MOST_DEATHS - deaths} more times at most."
        )
        change = self._change(performance, "created")
        change.deaths, change.finished_at = deaths, None
        change.due_at = self._stage.wiring.clock()
        await performance.notes.flush(change)

    def _change(
        self, performance: Performance, status: str, *, error: str | None = None, result: str | None = None
    ) -> SessionChange:
        return SessionChange(
            status=status,
            due_at=None,
            keeps_lease=False,
            active_seconds=performance.active_time.seconds,
            deaths=self._session.deaths,
            error=error,
            outcome=performance.notes.outcome,
            result=result,
            custom_data=json.dumps(performance.notes.custom_data) if performance.notes.custom_data else None,
            finished_at=self._stage.wiring.clock(),
        )

    def _signal_of_end(self, change: SessionChange) -> NewSignal:
        """Return what the session that started this one hears of its end."""
        session = self._session
        payload = {
            "completed": change.status == "completed",
            "value": None if change.result is None else json.loads(change.result),
        }
        wiring = self._stage.wiring
        return NewSignal(
            make_id("sig", wiring.chance.uuid7()),
            session.workspace_id,
            session.parent_id or "",
            session.id,
            json.dumps(payload),
            wiring.clock(),
        )
