"""A session in the hands of this process, from its claim to its settlement."""

from app.runner.ends import Abandoned, EndOfPerformance, Stopped
from app.runner.performance import Performance
from app.store.hot.session_rows import ClaimedSession, LeaseState


class Held:
    """A session that this process has leased, with its performance once that has begun."""

    def __init__(self, session: ClaimedSession) -> None:
        self.session = session
        self.performance: Performance | None = None
        self.is_cut = False

    @property
    def is_waiting(self) -> bool:
        """Whether it leaves its place to others."""
        return self.performance is not None and not self.performance.place.is_held

    def cut(self, end: EndOfPerformance) -> None:
        """End the performance now, or see to it that none begins."""
        self.is_cut = True
        if self.performance is not None:
            self.performance.cut(end)

    def heed(self, state: LeaseState, *, grace_seconds: float) -> None:
        """Act on what became of the session meanwhile: it is another's, it is to stop, or it was woken."""
        if not state.held:
            self.cut(Abandoned())
        elif (performance := self.performance) is None:
            return
        elif state.is_stopping:
            reason = state.stop_reason or "stopped"
            performance.stop(reason, grace_seconds=grace_seconds)
            if state.stop_forced:
                # Perhaps it was asked politely before, and does not listen.
                performance.cut(Stopped(reason))
        elif state.wakes != performance.wakes_seen:
            performance.wakes_seen = state.wakes
            performance.bell.set()
