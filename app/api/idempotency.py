"""`Idempotency-Key`: a POST that is sent again within 24 hours is carried out once and answered alike.

1. The key is claimed in a transaction of its own, so that a second request meets it at once.
2. The answer is kept in the transaction that does the work: both are there, or neither.
3. A refusal (4xx) is not kept; the key can be used again, with a better request.
4. A process that dies in between leaves the claim, which another request may take over after a minute. It takes
   over `subject` too, from which publishing makes its event ids, so what was committed is found, not repeated.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import delete, update

from app.api.auth import Caller
from app.api.transactions import wiring_of
from app.errors import IdempotencyMismatch, Invalid, Problem, Refused, StillRunning
from app.store.database import Tx
from app.store.models import IdempotentAnswer
from app.wiring import Wiring

KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEPT = timedelta(hours=24)

# Longer than any request takes, so that only a process that died is taken over.
CLAIM = timedelta(seconds=60)

# Members that are shown once, so a repeated answer leaves them out.
SHOWN_ONCE = ("secret", "ed25519_secret", "key", "token")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers."""

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)

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

    def conditions(self) -> list[Any]:
        """Return what finds the claim's row."""
        row = IdempotentAnswer
        return [row.workspace_id == self.workspace_id, row.route == self.route, row.key == self.key]


async def answer_once(
    request: Request, caller: Caller, raw: bytes, perform: Callable[[Tx], Awaitable[Answer]]
) -> Response:
    """Carry out a POST in one transaction, or give the answer that it had before.

    Raises:
        Invalid, IdempotencyMismatch, StillRunning: the key is malformed, of another request, or in use.
    """
    database = wiring_of(request).database
    claimed = await claim_key(request, caller, raw)
    if isinstance(claimed, Response):
        return claimed
    if claimed is None:
        async with database.write() as tx:
            return (await perform(tx)).respond()
    try:
        async with database.write() as tx:
            answer = await perform(tx)
            await keep_answer(tx, claimed, answer)
    except Refused:
        await drop_claim(wiring_of(request), claimed)
        raise
    return answer.respond()


async def publish_once(
    request: Request, caller: Caller, raw: bytes, perform: Callable[[str | None], Awaitable[Answer]]
) -> Response:
    """Carry out a publish, or give the answer that it had before.

    `perform` commits by itself, together with others, so the answer is kept afterwards. The subject that it is
    given makes the ids of its events, by which a request that takes over finds what was committed.

    Raises:
        Invalid, IdempotencyMismatch, StillRunning: the key is malformed, of another request, or in use.
    """
    claimed = await claim_key(request, caller, raw)
    if isinstance(claimed, Response):
        return claimed
    if claimed is None:
        return (await perform(None)).respond()
    try:
        answer = await perform(claimed.subject)
    except Refused:
        await drop_claim(wiring_of(request), claimed)
        raise
    async with wiring_of(request).database.write() as tx:
        await keep_answer(tx, claimed, answer)
    return answer.respond()


async def claim_key(request: Request, caller: Caller, raw: bytes) -> Claim | Response | None:
    """Claim the request's key; returns the kept answer if there is one, None without a key."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if KEY.fullmatch(key) is None:
        problem = Problem("Idempotency-Key", "must have 1 to 255 visible ASCII characters")
        raise Invalid("The Idempotency-Key is malformed.", problems=[problem])
    wiring = wiring_of(request)
    route = f"{request.method} {request.url.path}"
    parts = (request.scope["query_string"], raw)
    digest = hashlib.sha256(b"\0".join(parts)).digest()
    now = wiring.clock()
    async with wiring.database.write() as tx:
        row = await tx.get(IdempotentAnswer, (caller.workspace_id, route, key), with_for_update=True)
        if row is not None and row.created_at <= now - KEPT:
            await tx.delete(row)
            await tx.flush()
            row = None
        if row is None:
            row = IdempotentAnswer(
                workspace_id=caller.workspace_id,
                route=route,
                key=key,
                request_digest=digest,
                claim=wiring.chance.uuid7(),
                claimed_until=now + CLAIM,
                created_at=now,
            )
            tx.add(row)
            return Claim(row.workspace_id, row.route, row.key, row.claim)
        if row.request_digest != digest:
            raise IdempotencyMismatch
        if row.status is not None:
            headers = {**(row.headers or {}), "Idempotent-Replayed": "true"}
            return Response(row.body, row.status, headers, media_type="application/json")
        if row.claimed_until > now:
            raise StillRunning(headers={"Retry-After": "1"})
        row.claimed_until = now + CLAIM
        return Claim(row.workspace_id, row.route, row.key, row.claim)


async def keep_answer(tx: Tx, claim: Claim, answer: Answer) -> None:
    """Keep an answer for the requests that repeat it."""
    content = answer.content
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if name not in SHOWN_ONCE}
    values = {"status": answer.status, "headers": answer.headers, "body": orjson.dumps(content)}
    await tx.execute(update(IdempotentAnswer).where(*claim.conditions()).values(values))


async def drop_claim(wiring: Wiring, claim: Claim) -> None:
    """Let the key be used again."""
    async with wiring.database.write() as tx:
        await tx.execute(delete(IdempotentAnswer).where(*claim.conditions()))
