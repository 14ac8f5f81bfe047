"""`Idempotency-Key`: a POST that is sent again within 24 hours is carried out once and answered alike.

1. The key is claimed in a transaction of its own, so that a second request meets it at once.
2. The answer is kept in the transaction that does the work: both are there, or neither.
3. A refusal (4xx) is not kept; the key can be used again, with a better request.
4. A process that dies in between leaves the claim, which another request may take over after a minute. A claim
   that was taken over is void: what the first request then tries to commit is rolled back.
5. Publishing commits together with others, so it keeps its answer afterwards. It makes its event ids from the
   claim's `subject`, which stays the same when the claim is taken over, so what was committed is found, not
   repeated.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from app.api.auth import Caller
from app.api.transactions import wiring_of
from app.errors import IdempotencyMismatch, Invalid, Problem, Refused, StillRunning, Unavailable
from app.store.database import Tx
from app.store.models import IdempotentAnswer
from app.wiring import Wiring

KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEPT = timedelta(hours=24)

# Longer than any request takes, so that only a process that died is taken over.
CLAIM = timedelta(seconds=60)

# Members that are shown once, so a repeated answer leaves them out.
SHOWN_ONCE = ("secret", "key", "api_key")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers."""

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)
    shown_once: tuple[str, ...] = SHOWN_ONCE

    def respond(self) -> Response:
        """Return it as a response."""
        return Response(orjson.dumps(self.content), self.status, self.headers, media_type="application/json")


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that this request holds; `subject` is 32 hex digits that stay the same if another takes over."""

    workspace_id: str
    route: str
    key: str
    subject: str
    until: datetime

    def conditions(self) -> list[Any]:
        """Return what finds the claim's row as long as nobody has taken it over."""
        row = IdempotentAnswer
        return [
            row.workspace_id == self.workspace_id,
            row.route == self.route,
            row.key == self.key,
            row.claimed_until == self.until,
        ]


async def answer_once(
    request: Request,
    caller: Caller,
    raw: bytes,
    perform: Callable[[Tx], Awaitable[Answer]],
    *,
    prepare: Callable[[], Awaitable[None]] | None = None,
) -> Response:
    """Carry out a POST in one transaction, or give the answer that it had before.

    `prepare` comes before the transaction, for what takes time or can be refused without one.

    Raises:
        Invalid, IdempotencyMismatch, StillRunning: the key is malformed, of another request, or in use.
    """
    database = wiring_of(request).database
    claimed = await claim_key(request, caller, raw)
    if isinstance(claimed, Response):
        return claimed
    async with giving_back(wiring_of(request), claimed):
        if prepare is not None:
            await prepare()
        async with database.write() as tx:
            answer = await perform(tx)
            if claimed is not None:
                await keep_answer(tx, claimed, answer)
    return answer.respond()


async def answer_once_committed(
    request: Request, caller: Caller, raw: bytes, perform: Callable[[str | None], Awaitable[Answer]]
) -> Response:
    """Carry out a POST that commits by itself, or give the answer that it had before.

    `perform` is given the claim's subject, or None without a key.

    Raises:
        Invalid, IdempotencyMismatch, StillRunning: the key is malformed, of another request, or in use.
    """
    claimed = await claim_key(request, caller, raw)
    if isinstance(claimed, Response):
        return claimed
    async with giving_back(wiring_of(request), claimed):
        answer = await perform(None if claimed is None else claimed.subject)
        if claimed is not None:
            async with wiring_of(request).database.write() as tx:
                await keep_answer(tx, claimed, answer)
    return answer.respond()


@asynccontextmanager
async def giving_back(wiring: Wiring, claim: Claim | None) -> AsyncIterator[None]:
    """Let the key be used again when the work under it fails."""
    try:
        yield
    except Exception as error:
        if claim is not None:
            give_back = drop_claim if isinstance(error, Refused) else lapse_claim
            # With the database away it stays claimed until it lapses.
            with suppress(Unavailable):
                await give_back(wiring, claim)
        raise


async def claim_key(request: Request, caller: Caller, raw: bytes) -> Claim | Response | None:
    """Claim the request's key; returns the kept answer if there is one, None without a key."""
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or KEY.fullmatch(keys[0]) is None:
        problem = Problem("Idempotency-Key", "must have 1 to 255 visible ASCII characters")
        raise Invalid("The Idempotency-Key is malformed.", problems=[problem])
    wiring = wiring_of(request)
    now = wiring.clock()
    fresh = IdempotentAnswer(
        workspace_id=caller.workspace_id,
        route=f"{request.method} {request.url.path}",
        key=keys[0],
        request_digest=hashlib.sha256(b"\0".join((request.scope["query_string"], raw))).digest(),
        claim=wiring.chance.uuid7(),
        claimed_until=now + CLAIM,
        created_at=now,
    )
    try:
        async with wiring.database.write() as tx:
            return await claim_row(tx, fresh, now=now)
    except IntegrityError:
        # Another request with this key came in between our look and our insert.
        raise still_running() from None


async def claim_row(tx: Tx, fresh: IdempotentAnswer, *, now: datetime) -> Claim | Response:
    """Write the claim, take over one that has lapsed, or return the kept answer.

    Raises:
        IdempotencyMismatch, StillRunning: the key is of another request, or in use.
    """
    key = (fresh.workspace_id, fresh.route, fresh.key)
    row = await tx.get(IdempotentAnswer, key, with_for_update=True)
    if row is not None and row.created_at <= now - KEPT:
        await tx.delete(row)
        await tx.flush()
        row = None
    if row is None:
        tx.add(fresh)
        await tx.flush()
        return Claim(*key, fresh.claim, fresh.claimed_until)
    if row.request_digest != fresh.request_digest:
        raise IdempotencyMismatch
    if row.status is not None:
        headers = {**(row.headers or {}), "Idempotent-Replayed": "true"}
        return Response(row.body, row.status, headers, media_type="application/json")
    if row.claimed_until > now:
        raise still_running()
    row.claimed_until = fresh.claimed_until
    return Claim(*key, row.claim, row.claimed_until)


def still_running() -> StillRunning:
    """Return the error for a key whose first request has not been answered."""
    return StillRunning(headers={"Retry-After": "1"})


async def keep_answer(tx: Tx, claim: Claim, answer: Answer) -> None:
    """Keep an answer for the requests that repeat it.

    Raises:
        StillRunning: another request has taken the claim over, so this one's work must not count.
    """
    content = answer.content
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if name not in answer.shown_once}
    values = {"status": answer.status, "headers": answer.headers, "body": orjson.dumps(content)}
    kept = await tx.scalar(
        update(IdempotentAnswer).where(*claim.conditions()).values(values).returning(IdempotentAnswer.key)
    )
    if kept is None:
        raise still_running()


async def lapse_claim(wiring: Wiring, claim: Claim) -> None:
    """Let the next request with this key take the claim over at once."""
    async with wiring.database.write() as tx:
        unanswered = IdempotentAnswer.status.is_(None)
        await tx.execute(
            update(IdempotentAnswer)
            .where(*claim.conditions(), unanswered)
            .values(claimed_until=wiring.clock())
        )


async def drop_claim(wiring: Wiring, claim: Claim) -> None:
    """Let the key be used again."""
    async with wiring.database.write() as tx:
        await tx.execute(delete(IdempotentAnswer).where(*claim.conditions()))
