"""What the caller of a synchronous trigger is told, and who is waiting to hear it.

An answer comes from a performance in this process, or by a hint from another one with the database as the truth. A
hint that is lost costs a second: whoever waits asks the database that often.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select

from app.errors import Unavailable
from app.store.database import Database
from app.store.hot.session_rows import NewOutcome
from app.store.models import FinalOutcome, Session

LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answered."""

    status_code: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, outcome: NewOutcome | FinalOutcome) -> "Answer":
        """Return an outcome as an answer."""
        pairs = tuple((name, value) for name, value in orjson.loads(outcome.headers))
        return cls(outcome.status_code, pairs, outcome.body)


@dataclass(frozen=True, slots=True)
class End:
    """How a session ended that gave no answer; `result` is JSON."""

    status: str
    result: str | None = None


Reply = Answer | End


class Waiters:
    """The callers of this process that wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Several wait for one request if it has come again.
        self._waiting: dict[str, list[asyncio.Future[Reply]]] = {}
        self._streams: dict[str, Callable[[Answer], None]] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def has_callers(self) -> bool:
        """Whether anybody waits in this process."""
        return bool(self._waiting)

    def expect(self, request_id: str) -> asyncio.Future[Reply]:
        """Return a future of the reply to a request. `forget` must follow."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(request_id, []).append(future)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_while_anybody_waits())
        return future

    def stream(self, request_id: str, take: Callable[[Answer], None]) -> None:
        """Name who takes the parts of an answer that come before the final one. `end_stream` must follow."""
        self._streams[request_id] = take

    def end_stream(self, request_id: str) -> None:
        """Take no more parts."""
        self._streams.pop(request_id, None)

    def forget(self, request_id: str, future: asyncio.Future[Reply]) -> None:
        """Wait no longer with this future."""
        futures = self._waiting[request_id]
        futures.remove(future)
        if not futures:
            del self._waiting[request_id]

    def tell(self, request_id: str, reply: Reply) -> bool:
        """Hand a reply to whoever waits here; False if nobody does."""
        futures = self._waiting.get(request_id, ())
        for future in futures:
            if not future.done():
                future.set_result(reply)
        return bool(futures)

    def tell_part(self, request_id: str, part: Answer) -> bool:
        """Hand on a part of an answer; False if nobody here wants parts."""
        take = self._streams.get(request_id)
        if take is not None:
            take(part)
        return take is not None

    async def look(self, request_ids: Iterable[str]) -> None:
        """Read from the database what has become of requests that somebody here waits for."""
        wanted = [request_id for request_id in request_ids if request_id in self._waiting]
        if wanted:
            for request_id, reply in (await read_replies(self._database, wanted)).items():
                self.tell(request_id, reply)

    async def _look_while_anybody_waits(self) -> None:
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look(list(self._waiting))
            except Unavailable:
                continue


async def read_replies(database: Database, request_ids: Sequence[str]) -> dict[str, Reply]:
    """Return the replies to those of the requests that have one.

    Raises:
        Unavailable: the database is away.
    """
    async with database.read() as tx:
        outcomes = await tx.scalars(select(FinalOutcome).where(FinalOutcome.request_id.in_(request_ids)))
        replies: dict[str, Reply] = {row.request_id: Answer.of(row) for row in outcomes}
        ended: Any = await tx.execute(
            select(Session.request_id, Session.status, Session.result).where(
                Session.request_id.in_(request_ids), Session.finished_at.is_not(None)
            )
        )
        for request_id, status, result in ended:
            replies.setdefault(request_id, End(status, result))
    return replies
