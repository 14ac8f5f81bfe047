"""Who is calling, and may they? Checked before anything else of a request is looked at."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from app.api.rate_limits import RateLimits
from app.errors import MissingScope, NotFound, Unauthenticated, Unavailable
from app.rules.roles import Actor, Role
from app.store.models import ApiKey
from app.wiring import Wiring
from app.workspaces.keys import KEY, Scope, allows, authenticate, digest_key, mark_used

# A key is looked up again after the first span, while its callers go on; after the second nobody is let in
# on an old answer. Together with the look-up a revoked key ends within a second.
FRESH_SECONDS = 0.3
STALE_SECONDS = 0.8

# Keys remembered; unknown ones are not, so that guessing fills nothing.
MOST_KEYS = 10_000

# `last_used_at` is for people who ask whether a key can go, and need not cost a write a request.
USED_AGAIN = timedelta(minutes=1)

BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated API key."""

    workspace_id: str
    key_id: str
    key_name: str
    scopes: frozenset[str]
    expires_at: datetime | None

    def actor(self) -> Actor:
        """Return whom the team is told of. A key that may change the team may do all that an owner may."""
        return Actor(self.key_id, self.key_name, Role.OWNER)


class Authenticator:
    """Tells callers by their keys, with a short memory."""

    def __init__(self, wiring: Wiring, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wiring = wiring
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._looking: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._marking: set[asyncio.Task[None]] = set()
        self.rate_limits = RateLimits(wiring.settings, monotonic=monotonic)

    async def identify(self, authorization: str | None) -> Caller:
        """Return who sent this header.

        Raises:
            Unauthenticated: it names no live key, for whatever cause.
            Unavailable: the database is away.
        """
        match = BEARER.fullmatch(authorization or "")
        if match is None or KEY.fullmatch(match[1]) is None:
            raise Unauthenticated
        digest = digest_key(match[1])
        looked_at, caller = self._known.get(digest, (0.0, None))
        age = self._monotonic() - looked_at
        if caller is None or age > STALE_SECONDS:
            # Others may wait for the same look-up when this caller goes away.
            caller = await asyncio.shield(self._look_up(digest))
        elif age > FRESH_SECONDS:
            self._look_up(digest)
        if caller is None or (caller.expires_at is not None and caller.expires_at <= self._wiring.clock()):
            raise Unauthenticated
        return caller

    def _look_up(self, digest: bytes) -> asyncio.Task[Caller | None]:
        """Ask the database who has a key, once for all who ask at the same time."""
        task = self._looking.get(digest)
        if task is None:
            task = self._looking[digest] = asyncio.get_running_loop().create_task(self._read(digest))
            task.add_done_callback(lambda done: self._looked_up(digest, done))
        return task

    def _looked_up(self, digest: bytes, task: asyncio.Task[Caller | None]) -> None:
        del self._looking[digest]
        if not task.cancelled():
            # Whoever waited has the error; a look-up that nobody waits for may fail in silence.
            task.exception()

    async def _read(self, digest: bytes) -> Caller | None:
        begun = self._monotonic()
        async with self._wiring.database.read() as tx:
            row = await authenticate(tx, digest, now=self._wiring.clock())
        if row is None:
            self._known.pop(digest, None)
            return None
        self._note_use(row)
        caller = Caller(row.workspace_id, row.id, row.name, frozenset(row.scopes), row.expires_at)
        if len(self._known) >= MOST_KEYS:
            self._known.clear()
        self._known[digest] = (begun, caller)
        return caller

    async def admit(self, request: Request, scope: Scope, *, publishing: bool = False) -> Caller:
        """Return the caller of a request that wants a scope.

        Raises:
            Unauthenticated, RateLimited, MissingScope: in this order.
            NotFound: no path of ours has U+0000, and PostgreSQL would not take it as an id.
        """
        caller = await self.identify(request.headers.get("authorization"))
        request.state.rate_limit = self.rate_limits.count(caller.key_id, publishing=publishing)
        if not allows(caller.scopes, scope):
            raise MissingScope(f"This needs an API key with the scope `{scope}`.")
        if "\0" in request.scope["path"]:
            raise NotFound
        return caller

    def _note_use(self, row: ApiKey) -> None:
        """Write down that a key was used, beside the request, which has no reason to wait for it."""
        now = self._wiring.clock()
        if row.last_used_at is not None and row.last_used_at > now - USED_AGAIN:
            return
        task = asyncio.get_running_loop().create_task(self._mark_used(row.id))
        self._marking.add(task)
        task.add_done_callback(self._marking.discard)

    async def _mark_used(self, key_id: str) -> None:
        now = self._wiring.clock()
        try:
            async with self._wiring.database.write() as tx:
                await mark_used(tx, key_id, now=now, unless_after=now - USED_AGAIN)
        except Unavailable:
            # The next request tries again.
            return


class Admission(SecurityBase):
    """The dependency that admits callers with a scope."""

    def __init__(self, scope: Scope) -> None:
        self.model = HTTPBearer(description="An API key, `afk_...`.")
        self.scheme_name = "bearer"
        self.scope = scope

    async def __call__(self, request: Request) -> Caller:
        """Return the caller."""
        authenticator: Authenticator = request.app.state.authenticator
        return await authenticator.admit(request, self.scope)


def allow(scope: Scope) -> Any:
    """Return the annotation of a parameter that is an admitted caller."""
    return Security(Admission(scope), scopes=[scope.value])


Reader = Annotated[Caller, allow(Scope.READ)]
EndpointsWriter = Annotated[Caller, allow(Scope.ENDPOINTS_WRITE)]
WorkflowsWriter = Annotated[Caller, allow(Scope.WORKFLOWS_WRITE)]
Admin = Annotated[Caller, allow(Scope.ADMIN)]
Operator = Annotated[Caller, allow(Scope.OPERATOR)]
