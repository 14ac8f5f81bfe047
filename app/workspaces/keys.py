"""API keys: issue, authenticate, list, revoke. Only a key's SHA-256 is kept."""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, or_, select, update

from app.errors import Invalid, Misconfigured, NotFound, Problem
from app.rules.ids import make_id
from app.store.database import Tx
from app.store.models import ApiKey
from app.wiring import Chance, Wiring


class Scope(StrEnum):
    """What a key may do. `admin` includes all but `operator`; a write scope does not include `read`."""

    READ = "read"
    EVENTS_WRITE = "events:write"
    ENDPOINTS_WRITE = "endpoints:write"
    WORKFLOWS_WRITE = "workflows:write"
    ADMIN = "admin"
    OPERATOR = "operator"


KEY = re.compile(r"afk_[A-Za-z0-9_]{32,128}")

# How long a revoked key stays listed.
REVOKED_KEPT = timedelta(days=30)

# Characters of a key that are shown, so that a person can tell one from another.
SHOWN = 12


def digest_key(key: str) -> bytes:
    """Return what is kept of a key. Keys are long and random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(key.encode()).digest()


def make_key(chance: Chance) -> str:
    """Return a new key: 200 random bits."""
    # Base 32 has no characters that a double click or a line break would split at.
    return "afk_" + base64.b32encode(chance.take_bytes(25)).decode().lower()


def allows(scopes: Iterable[str], wanted: Scope) -> bool:
    """Whether a key with these scopes may do what wants that one."""
    held = set(scopes)
    return wanted in held or (Scope.ADMIN in held and wanted is not Scope.OPERATOR)


async def issue(
    tx: Tx,
    name: str,
    scopes: Sequence[Scope],
    *,
    workspace_id: str,
    wiring: Wiring,
    expires_at: datetime | None = None,
    key: str | None = None,
) -> tuple[ApiKey, str]:
    """Make a key, or take over a known one; returns its row and the key, which is not kept.

    Raises:
        Invalid: it would expire before it begins, or names no scope.
    """
    now = wiring.clock()
    if expires_at is not None and expires_at <= now:
        raise Invalid(problems=[Problem("/expires_at", "must be in the future")])
    if not scopes:
        raise Invalid(problems=[Problem("/scopes", "must name at least one scope")])
    if key is None:
        key = make_key(wiring.chance)
    row = ApiKey(
        id=make_id("key", wiring.chance.uuid7()),
        workspace_id=workspace_id,
        name=name,
        digest=digest_key(key),
        prefix=key[:SHOWN],
        scopes=[scope.value for scope in sorted(set(scopes))],
        created_at=now,
        expires_at=expires_at,
    )
    tx.add(row)
    await tx.flush()
    return row, key


async def ensure_bootstrap_key(tx: Tx, key: str, *, workspace_id: str, wiring: Wiring) -> None:
    """Make sure that the operator's known first key exists; a revoked one stays revoked.

    Raises:
        Misconfigured: it does not look like a key.
    """
    if KEY.fullmatch(key) is None:
        raise Misconfigured(
            "AETHERFLOW_BOOTSTRAP_API_KEY: expected afk_ and 32 to 128 of A-Z, a-z, 0-9 and underscore."
        )
    if await tx.scalar(select(ApiKey.id).where(ApiKey.digest == digest_key(key))) is None:
        scopes = [Scope.ADMIN, Scope.OPERATOR]
        await issue(tx, "bootstrap", scopes, workspace_id=workspace_id, wiring=wiring, key=key)


async def authenticate(tx: Tx, digest: bytes, *, now: datetime) -> ApiKey | None:
    """Return the live key with this hash, if there is one."""
    statement = (
        select(ApiKey)
        .where(ApiKey.digest == digest, ApiKey.revoked_at.is_(None))
        .where(or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now))
    )
    found: ApiKey | None = await tx.scalar(statement)
    return found


async def mark_used(tx: Tx, key_id: str, *, now: datetime, unless_after: datetime) -> None:
    """Write down that a key was used, unless that was done after a moment already, by any process."""
    seldom = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= unless_after)
    await tx.execute(update(ApiKey).where(ApiKey.id == key_id, seldom).values(last_used_at=now))


async def revoke(tx: Tx, workspace_id: str, key_id: str, *, now: datetime) -> ApiKey:
    """End a key; every process refuses it within a second.

    Raises:
        NotFound: there is no live key with this id in the workspace.
    """
    row = await tx.scalar(select_of(workspace_id).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)))
    if row is None:
        raise NotFound("There is no live API key with this id.")
    row.revoked_at = now
    return row


def is_listed(now: datetime) -> ColumnElement[bool]:
    """Return the condition that lists fulfil: live keys, and revoked ones for 30 days."""
    return or_(ApiKey.revoked_at.is_(None), ApiKey.revoked_at > now - REVOKED_KEPT)


def select_of(workspace_id: str) -> Select[ApiKey]:
    """Return the query of a workspace's keys."""
    return select(ApiKey).where(ApiKey.workspace_id == workspace_id)
