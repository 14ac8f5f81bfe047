"""Endpoints made ready for sending: URL taken apart, keys unsealed, headers composed, kept by version.

A workspace's `endpoints_version` goes up with each change. A kept endpoint is forgotten when a hint speaks of a
newer version or when `refresh`, asked twice a second, finds one, so a change reaches every process within 1 s.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from app.errors import Refused
from app.outbound.sealed import open_headers, open_keys
from app.rules.addresses import EgressPolicy, Target, parse_target
from app.rules.retry import RetryPolicy
from app.signatures import Scheme, SigningKeys, pick_schemes
from app.store.database import Database
from app.store.models import Endpoint, EndpointSecret, Workspace
from app.store.sealing import Keyring

MASKED = "********"

# Endpoints kept ready at once; each is a few kilobytes.
MOST_ENDPOINTS = 20_000


@dataclass(frozen=True, slots=True)
class ReadyEndpoint:
    """What sending to an endpoint takes. `target` is None when its URL is not allowed any more."""

    id: str
    workspace_id: str
    enabled: bool
    deleted: bool
    target: Target | None
    head: bytes
    recorded_head: bytes
    keys: SigningKeys
    key_id: str
    schemes: tuple[Scheme, ...]
    timeout_seconds: float
    retry: RetryPolicy
    concurrency: int | None


class EndpointBook:
    """The endpoints that this process delivers to."""

    def __init__(
        self, database: Database, *, keyring: Keyring, egress: EgressPolicy, user_agent: str
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._egress = egress
        self._user_agent = user_agent
        self._ready: dict[str, ReadyEndpoint] = {}
        self._versions: dict[str, int] = {}
        self._loading: dict[str, asyncio.Future[ReadyEndpoint | None]] = {}

    def find(self, endpoint_id: str) -> ReadyEndpoint | None:
        """Return an endpoint that is ready, or None when it must be loaded."""
        return self._ready.get(endpoint_id)

    def note_version(self, workspace_id: str, version: int) -> None:
        """Forget the endpoints of a workspace that has changed since they were read."""
        if self._versions.get(workspace_id, version) < version:
            self._forget(workspace_id)

    def forget(self, workspace_id: str) -> None:
        """Forget the endpoints of a workspace, because they have changed."""
        if workspace_id in self._versions:
            self._forget(workspace_id)

    async def load(self, endpoint_id: str) -> ReadyEndpoint | None:
        """Read an endpoint from the database, once for all who ask at the same time.

        Raises:
            Unavailable: the database is away.
        """
        if (loading := self._loading.get(endpoint_id)) is not None:
            return await asyncio.shield(loading)
        task = asyncio.ensure_future(self._read(endpoint_id))
        self._loading[endpoint_id] = task
        try:
            return await asyncio.shield(task)
        finally:
            self._loading.pop(endpoint_id, None)

    async def refresh(self) -> None:
        """Forget what has changed in the database.

        Raises:
            Unavailable: the database is away.
        """
        if not self._versions:
            return
        async with self._database.read() as tx:
            statement = select(Workspace.id, Workspace.endpoints_version).where(
                Workspace.id.in_(self._versions)
            )
            for workspace_id, version in await tx.execute(statement):
                self.note_version(workspace_id, version)

    def _forget(self, workspace_id: str) -> None:
        del self._versions[workspace_id]
        self._ready = {k: e for k, e in self._ready.items() if e.workspace_id != workspace_id}

    async def _read(self, endpoint_id: str) -> ReadyEndpoint | None:
        async with self._database.read() as tx:
            statement = (
                select(Endpoint, Workspace.endpoints_version)
                .join(Workspace, Workspace.id == Endpoint.workspace_id)
                .where(Endpoint.id == endpoint_id)
            )
            row = (await tx.execute(statement)).one_or_none()
            if row is None:
                return None
            newest_first = (
                select(EndpointSecret)
                .where(EndpointSecret.endpoint_id == endpoint_id)
                .order_by(EndpointSecret.id.desc())
            )
            secrets = (await tx.scalars(newest_first)).all()
        ready = self._make_ready(row[0], secrets)
        if len(self._ready) >= MOST_ENDPOINTS:
            self._forget(next(iter(self._ready.values())).workspace_id)
        self._versions.setdefault(ready.workspace_id, row[1])
        self.note_version(ready.workspace_id, row[1])
        self._versions[ready.workspace_id] = row[1]
        self._ready[endpoint_id] = ready
        return ready

    def _make_ready(self, endpoint: Endpoint, secrets: Iterable[EndpointSecret]) -> ReadyEndpoint:
        try:
            target = parse_target(endpoint.url, self._egress)
        except Refused:
            target = None
        newest_first = list(secrets)
        custom = open_headers(self._keyring, endpoint)
        lines = ["content-type: application/json", f"user-agent: {self._user_agent}"]
        if target is not None:
            lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.host_header}", *lines]
        shown = [f"{name}: {value}" for name, value in custom.items()]
        masked = [f"{name}: {MASKED}" for name in custom]
        return ReadyEndpoint(
            id=endpoint.id,
            workspace_id=endpoint.workspace_id,
            enabled=endpoint.enabled,
            deleted=endpoint.deleted_at is not None,
            target=target,
            head=join_lines(lines + shown),
            recorded_head=join_lines(lines + masked),
            keys=open_keys(self._keyring, newest_first),
            key_id=newest_first[0].id,
            schemes=pick_schemes(endpoint.schemes),
            timeout_seconds=endpoint.timeout_seconds,
            retry=RetryPolicy.of(endpoint.max_retries, endpoint.retry_schedule),
            concurrency=endpoint.concurrency,
        )


def join_lines(lines: list[str]) -> bytes:
    """Return header lines as they go over the wire."""
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
