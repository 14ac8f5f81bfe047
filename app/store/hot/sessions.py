"""The store of the inbound engine: its scripts, on whichever database there is."""

from collections.abc import Sequence
from datetime import datetime

from app.store.hot import receive_scripts, session_scripts, wait_scripts
from app.store.hot.scripts import Fetch, Script, ScriptRunner
from app.store.hot.session_rows import ClaimedSession, LeaseState, Receipt, Writing, Written
from app.store.hot.session_statements import VOID_LEASES


class SessionStore:
    """Each call is one transaction of its own. See the modules of their scripts for what they promise."""

    def __init__(self, scripts: ScriptRunner) -> None:
        self._run = scripts.run

    async def receive(
        self,
        receipts: Sequence[Receipt],
        *,
        judge: receive_scripts.Judge,
        publish: session_scripts.PublishEvents,
    ) -> tuple[set[str], list[str]]:
        """Write requests with their sessions; returns the ids of those written and of the sessions woken."""
        return await self._run(lambda: receive_scripts.receive(receipts, judge, publish))

    async def claim(
        self,
        *,
        token: int,
        now: datetime,
        leased_until: datetime,
        limit: int,
        publish: session_scripts.PublishStarts,
    ) -> list[ClaimedSession]:
        """Lease the sessions that have been due longest, at most `limit`."""
        return await self._run(
            lambda: session_scripts.claim(
                token=token, now=now, leased_until=leased_until, limit=limit, publish=publish
            )
        )

    async def renew(
        self, leases: Sequence[tuple[str, int]], *, leased_until: datetime
    ) -> dict[str, LeaseState]:
        """Extend leases (session id, token)."""
        return await self._run(lambda: session_scripts.renew(leases, leased_until=leased_until))

    async def write(
        self, writings: Sequence[Writing], *, publish: session_scripts.PublishEvents
    ) -> list[Written]:
        """Write what happened in sessions, at most one writing a session."""
        return await self._run(lambda: session_scripts.write(writings, publish))

    async def look(self, wish: wait_scripts.Wish, *, tell: wait_scripts.Tell) -> wait_scripts.Looked:
        """Take what a session waits for, if it has come or the time is over; else note that it waits."""
        return await self._run(lambda: wait_scripts.look(wish, tell))

    async def void_leases(self) -> None:
        """End all leases. Only for a process that knows itself to be alone."""
        await self._run(void_leases)


def void_leases() -> Script[None]:
    """End all leases."""
    yield Fetch(VOID_LEASES, ())
