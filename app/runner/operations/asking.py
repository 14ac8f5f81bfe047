"""What an operation works with: who asks, and a transaction in which its effect and its record stand together."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.runner.handler_errors import LeaseLost
from app.runner.performance import Performance
from app.store.database import Tx
from app.store.models import JournalEntry, Session

# How a record begins: a result that is JSON, or an error of the service (see `aetherflow.runner.recording`).
RESULT = "j"
ERROR = "x"


@dataclass(frozen=True, slots=True)
class Asking:
    """A handler's request: `seq` is the position of its record in a durable session."""

    performance: Performance
    operation: str
    name: str
    seq: int | None
    arguments: dict[str, Any]

    @property
    def session_id(self) -> str:
        """The session that asks."""
        return self.performance.session.id

    @property
    def workspace_id(self) -> str:
        """The session's workspace."""
        return self.performance.session.workspace_id

    @asynccontextmanager
    async def transaction(self, *, also: str | None = None) -> AsyncIterator[tuple[Tx, Session]]:
        """One transaction with the session's row locked, once all that came before is committed.

        `also` is another session of the workspace that is to be locked. Whoever locks several sessions takes them in
        the order of their ids, so that no two wait for each other.

        Raises:
            LeaseLost: the session is another's by now.
        """
        await self.performance.notes.flush()
        async with self.performance.stage.wiring.database.write() as tx:
            wanted = select(Session).where(
                Session.id.in_([self.session_id, also or self.session_id]),
                Session.workspace_id == self.workspace_id,
            )
            rows = await tx.scalars(wanted.order_by(Session.id).with_for_update())
            session = next(row for row in rows if row.id == self.session_id)
            if session.lease_token != self.performance.session.token or session.finished_at is not None:
                raise LeaseLost
            yield tx, session

    def record(self, tx: Tx, result: Any) -> Any:
        """Record the result in a durable session, and return it."""
        if self.seq is not None:
            tx.add(self._entry(RESULT + json.dumps(result)))
        return result

    async def record_error(self, error: dict[str, Any]) -> None:
        """Record that the service refused, so that it does so again when the handler runs again."""
        if self.seq is not None:
            text = ERROR + json.dumps(error)
            self.performance.notes.record(self.seq, self.operation, self.name, text)
            await self.performance.notes.flush()

    async def record_result(self, result: Any) -> Any:
        """Record a result whose effect is part of the performance's own writing."""
        if self.seq is not None:
            self.performance.notes.record(self.seq, self.operation, self.name, RESULT + json.dumps(result))
            await self.performance.notes.flush()
        return result

    def _entry(self, text: str) -> JournalEntry:
        return JournalEntry(
            session_id=self.session_id,
            seq=self.seq or 0,
            kind=self.operation,
            name=self.name,
            result=text.encode(),
        )
