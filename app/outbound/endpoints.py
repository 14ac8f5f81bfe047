"""Endpoints: register, change, enable, disable, delete, find.

Every change that alters who gets an event, or how, raises the workspace's `endpoints_version` in the same
transaction; that is what makes it count everywhere (see `app.outbound.fanout` and `delivery.endpoints`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, select, update

from app.errors import NotFound
from app.outbound.deliveries import cancel_pending
from app.outbound.record import record_event
from app.outbound.sealed import seal_headers, seal_secret
from app.rules.ids import make_id
from app.signatures.secrets import make_ed25519, make_secret, parse_ed25519, parse_secret
from app.store.database import Tx
from app.store.models import Endpoint, EndpointSecret, Workspace
from app.wiring import Wiring

DisabledReason = Literal["manual", "gone"]


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What a caller wants registered; texts were checked, the destination too."""

    url: str
    events: Sequence[str]
    description: str | None
    headers: Mapping[str, str]
    metadata_: Mapping[str, str]
    schemes: Sequence[str]
    timeout_seconds: float
    max_retries: int | None
    retry_schedule: Sequence[float] | None
    concurrency: int | None
    enabled: bool
    secret: str | None
    ed25519_secret: str | None


@dataclass(frozen=True, slots=True)
class Registered:
    """An endpoint with its signing key, which is shown this once."""

    endpoint: Endpoint
    secret: str
    ed25519_secret: str | None


async def register(tx: Tx, new: NewEndpoint, *, workspace_id: str, wiring: Wiring) -> Registered:
    """Register an endpoint with a first signing key, made here unless the caller brings one.

    Raises:
        Invalid: an imported secret is malformed.
    """
    secret = parse_secret(new.secret) if new.secret is not None else make_secret(wiring.chance.take_bytes(24))
    ed25519 = parse_ed25519(new.ed25519_secret) if new.ed25519_secret is not None else None
    if ed25519 is None and "v1a" in new.schemes:
        ed25519 = make_ed25519(wiring.chance.take_bytes(32))
    now = wiring.clock()
    endpoint_id = make_id("ep", wiring.chance.uuid7())
    endpoint = Endpoint(
        id=endpoint_id,
        workspace_id=workspace_id,
        url=new.url,
        events=list(new.events),
        description=new.description,
        metadata_=dict(new.metadata_),
        sealed_headers=seal_headers(
            wiring.keyring, workspace_id=workspace_id, endpoint_id=endpoint_id, headers=dict(new.headers)
        ),
        schemes=list(new.schemes),
        timeout_seconds=new.timeout_seconds,
        max_retries=new.max_retries,
        retry_schedule=None if new.retry_schedule is None else list(new.retry_schedule),
        concurrency=new.concurrency,
        enabled=new.enabled,
        disabled_reason=None if new.enabled else "manual",
        disabled_at=None if new.enabled else now,
        created_at=now,
        updated_at=now,
    )
    tx.add(endpoint)
    await tx.flush()
    add_secret(tx, endpoint, secret=secret, ed25519=ed25519, wiring=wiring)
    await raise_version(tx, workspace_id)
    return Registered(endpoint, secret, ed25519)


def add_secret(tx: Tx, endpoint: Endpoint, *, secret: str, ed25519: str | None, wiring: Wiring) -> None:
    """Give an endpoint another signing key."""
    secret_id = make_id("sec", wiring.chance.uuid7())
    sealed_secret, sealed_ed25519 = seal_secret(
        wiring.keyring,
        workspace_id=endpoint.workspace_id,
        secret_id=secret_id,
        secret=secret,
        ed25519=ed25519,
    )
    tx.add(
        EndpointSecret(
            id=secret_id,
            workspace_id=endpoint.workspace_id,
            endpoint_id=endpoint.id,
            sealed_secret=sealed_secret,
            sealed_ed25519=sealed_ed25519,
            created_at=wiring.clock(),
        )
    )


async def change(tx: Tx, endpoint: Endpoint, members: Mapping[str, Any], *, wiring: Wiring) -> None:
    """Replace columns of an endpoint; `headers` is the one that is not a column itself."""
    for name, value in members.items():
        if name == "headers":
            endpoint.sealed_headers = seal_headers(
                wiring.keyring,
                workspace_id=endpoint.workspace_id,
                endpoint_id=endpoint.id,
                headers=dict(value),
            )
        else:
            setattr(endpoint, name, value)
    if "v1a" in endpoint.schemes:
        await ensure_ed25519(tx, endpoint, wiring=wiring)
    endpoint.updated_at = wiring.clock()
    await raise_version(tx, endpoint.workspace_id)


async def ensure_ed25519(tx: Tx, endpoint: Endpoint, *, wiring: Wiring) -> None:
    """Give the newest key an Ed25519 pair when the endpoint begins to ask for `v1a`."""
    newest = await newest_secret(tx, endpoint)
    if newest.sealed_ed25519 is None:
        pair = make_ed25519(wiring.chance.take_bytes(32))
        _, newest.sealed_ed25519 = seal_secret(
            wiring.keyring, workspace_id=endpoint.workspace_id, secret_id=newest.id, secret="", ed25519=pair
        )


async def enable(tx: Tx, endpoint: Endpoint, *, wiring: Wiring) -> None:
    """Let an endpoint have deliveries again, those first that were held meanwhile."""
    if endpoint.enabled:
        return
    endpoint.enabled = True
    endpoint.disabled_reason = endpoint.disabled_at = None
    endpoint.updated_at = wiring.clock()
    await raise_version(tx, endpoint.workspace_id)
    await tell_change(tx, endpoint, "endpoint.enabled", wiring=wiring)
    tx.hint(endpoint.id)


async def disable(tx: Tx, endpoint: Endpoint, *, reason: DisabledReason, wiring: Wiring) -> None:
    """Stop deliveries to an endpoint: held when a person wants it so, cancelled when the receiver is gone."""
    if not endpoint.enabled:
        return
    now = wiring.clock()
    endpoint.enabled = False
    endpoint.disabled_reason, endpoint.disabled_at, endpoint.updated_at = reason, now, now
    if reason == "gone":
        await cancel_pending(tx, endpoint.id, now=now)
    await raise_version(tx, endpoint.workspace_id)
    await tell_change(tx, endpoint, "endpoint.disabled", wiring=wiring)


async def delete(tx: Tx, endpoint: Endpoint, *, wiring: Wiring) -> None:
    """Take an endpoint away and cancel what is pending; its deliveries stay readable."""
    endpoint.deleted_at = wiring.clock()
    endpoint.enabled = False
    await cancel_pending(tx, endpoint.id, now=endpoint.deleted_at)
    await raise_version(tx, endpoint.workspace_id)


async def find(
    tx: Tx, workspace_id: str, endpoint_id: str, *, locked: bool = False, even_deleted: bool = False
) -> Endpoint:
    """Return an endpoint of the workspace; `locked` lets one change of it follow the other.

    Raises:
        NotFound: there is none, or it belongs to another workspace.
    """
    statement = select(Endpoint).where(Endpoint.workspace_id == workspace_id, Endpoint.id == endpoint_id)
    if not even_deleted:
        statement = statement.where(Endpoint.deleted_at.is_(None))
    endpoint = await tx.scalar(statement.with_for_update() if locked else statement)
    if endpoint is None:
        raise NotFound("There is no endpoint with this id.")
    return endpoint


def select_live(workspace_id: str) -> Select[Endpoint]:
    """Return the query of a workspace's endpoints."""
    return select(Endpoint).where(Endpoint.workspace_id == workspace_id, Endpoint.deleted_at.is_(None))


async def newest_secret(tx: Tx, endpoint: Endpoint) -> EndpointSecret:
    """Return the endpoint's newest signing key; each endpoint has one at least."""
    statement = (
        select(EndpointSecret)
        .where(EndpointSecret.endpoint_id == endpoint.id)
        .order_by(EndpointSecret.id.desc())
        .limit(1)
    )
    return (await tx.scalars(statement)).one()


async def raise_version(tx: Tx, workspace_id: str) -> None:
    """Make every process notice that the workspace's endpoints have changed."""
    await tx.execute(
        update(Workspace)
        .where(Workspace.id == workspace_id)
        .values(endpoints_version=Workspace.endpoints_version + 1)
    )
    tx.hint_change(workspace_id)


async def tell_change(
    tx: Tx,
    endpoint: Endpoint,
    event_type: Literal["endpoint.enabled", "endpoint.disabled"],
    *,
    wiring: Wiring,
) -> None:
    """Publish the operator event of a change of state, to everybody but the endpoint it speaks of."""
    data = {
        "endpoint": {
            "id": endpoint.id,
            "url": endpoint.url,
            "enabled": endpoint.enabled,
            "disabled_reason": endpoint.disabled_reason,
            "breaker": "closed",
            "failing_since": None,
        }
    }
    await record_event(
        tx, event_type, data, workspace_id=endpoint.workspace_id, wiring=wiring, besides=endpoint.id
    )
