"""Rows for tests of the store: workspaces, endpoints, and what is published to them.

Times are counted in whole seconds and microseconds from START, so that a test can say what comes first.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec
from sqlalchemy import select

from app.rules.ids import make_id
from app.store.database import Database
from app.store.hot.contract import NewDelivery, NewEvent, Settlement, Work
from app.store.models import Attempt, Delivery, Endpoint, Event, Workspace
from app.wiring import Chance

START = datetime(2026, 1, 31, 9, 30, 0, 123457, tzinfo=UTC)
LEASE = timedelta(seconds=5)

_tokens = count(1)


def at(seconds: float = 0) -> datetime:
    """Return the moment so many seconds after START."""
    return START + timedelta(seconds=seconds)


def new_token() -> int:
    """Return a lease token that no test has used."""
    return next(_tokens)


async def add_workspace(database: Database, *, version: int = 0) -> str:
    """Write a workspace and return its id."""
    workspace_id = make_id("ws", Chance().uuid7())
    async with database.write() as tx:
        tx.add(Workspace(id=workspace_id, name=workspace_id, endpoints_version=version, created_at=START))
    return workspace_id


async def add_endpoint(database: Database, workspace_id: str, **members: Any) -> str:
    """Write an endpoint, enabled and without secrets unless told otherwise, and return its id."""
    endpoint_id = members.pop("id", None) or make_id("ep", Chance().uuid7())
    columns: dict[str, Any] = {
        "url": "http://127.0.0.1:9/hooks",
        "events": [],
        "metadata_": {},
        "schemes": ["aetherflow", "v1"],
        "timeout_seconds": 10.0,
        "enabled": True,
        "created_at": START,
        "updated_at": START,
    }
    async with database.write() as tx:
        tx.add(Endpoint(id=endpoint_id, workspace_id=workspace_id, **(columns | members)))
    return endpoint_id


def new_event(workspace_id: str, event_id: str = "", **members: Any) -> NewEvent:
    """Return an event to be published."""
    event_id = event_id or make_id("evt", Chance().uuid7())
    given: dict[str, Any] = {
        "type": "invoice.paid",
        "body": b'{"event":"invoice.paid"}',
        "created_at": START,
        "endpoints_version": 0,
    }
    return NewEvent(workspace_id, event_id, **(given | members))


def new_delivery(event: NewEvent, endpoint_id: str) -> NewDelivery:
    """Return a delivery of that event to be published with it."""
    delivery_id = make_id("dlv", Chance().uuid7())
    return NewDelivery(event.workspace_id, delivery_id, event.id, event.type, endpoint_id, event.created_at)


async def publish(
    database: Database,
    events: Sequence[NewEvent],
    deliveries: Sequence[NewDelivery] = (),
    *,
    token: int | None = None,
    leased_until: datetime | None = None,
    whole: bool = False,
) -> set[str]:
    """Publish, leased if a token is given, and return the ids of the events that were written."""
    written = await database.hot.publish(
        events, deliveries, token=token, leased_until=leased_until, whole=whole
    )
    return {event_id for _, event_id in written}


async def publish_to(
    database: Database, endpoint_id: str, number: int = 1, *, workspace_id: str, **members: Any
) -> list[NewDelivery]:
    """Publish so many events, each with a delivery to the endpoint; each is due a second after the last."""
    members = {"created_at": START, **members}
    first = members.pop("created_at")
    events = [
        new_event(workspace_id, created_at=first + timedelta(seconds=place), **members)
        for place in range(number)
    ]
    deliveries = [new_delivery(event, endpoint_id) for event in events]
    await publish(database, events, deliveries)
    return deliveries


async def claim(
    database: Database, endpoint_id: str, room: int = 100, *, seconds: float = 1000
) -> list[Work]:
    """Claim from one endpoint, so many seconds after START."""
    return await database.hot.claim(
        [(endpoint_id, room)], token=new_token(), now=at(seconds), leased_until=at(seconds) + LEASE
    )


def settlement(work: Work, **members: Any) -> Settlement:
    """Return how a work ended: well, unless told otherwise."""
    given: dict[str, Any] = {
        "workspace_id": work.workspace_id,
        "delivery_id": work.delivery_id,
        "token": work.token,
        "number": work.number,
        "status": "succeeded",
        "reason": None,
        "due_at": at(2000),
        "finished_at": at(2000),
        "started_at": at(1999),
        "result": "2xx",
        "error": None,
        "status_code": 200,
        "connect_ms": 0.5,
        "tls_ms": None,
        "first_byte_ms": 1.25,
        "duration_ms": 1.5,
        "peer": "127.0.0.1:9",
        "key_id": "sec_1",
        "request_headers": b"POST / HTTP/1.1\r\n",
        "response_headers": b"Content-Length: 2\r\n",
        "response_body": b"ok",
        "response_truncated": False,
    }
    return Settlement(**(given | members))


def failed_for_now(work: Work, *, due_at: datetime) -> Settlement:
    """Return the end of an attempt after which the delivery is tried again."""
    return settlement(
        work, status="pending", due_at=due_at, finished_at=None, result="5xx", status_code=500, error="Away."
    )


async def read_delivery(database: Database, delivery_id: str) -> Delivery:
    """Return a delivery as it is now."""
    async with database.read() as tx:
        return (await tx.scalars(select(Delivery).where(Delivery.id == delivery_id))).one()


async def read_deliveries(database: Database) -> list[Delivery]:
    """Return all deliveries, in the order of their ids."""
    async with database.read() as tx:
        return list(await tx.scalars(select(Delivery).order_by(Delivery.id)))


async def read_events(database: Database) -> list[Event]:
    """Return all events, in the order of their ids."""
    async with database.read() as tx:
        return list(await tx.scalars(select(Event).order_by(Event.id)))


async def read_attempts(database: Database, delivery_id: str) -> list[Attempt]:
    """Return a delivery's attempts in the order of their numbers."""
    async with database.read() as tx:
        statement = select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(Attempt.number)
        return list(await tx.scalars(statement))


async def change_delivery(database: Database, delivery_id: str, **members: Any) -> None:
    """Set columns of a delivery, as a verb would."""
    async with database.write() as tx:
        delivery = (await tx.scalars(select(Delivery).where(Delivery.id == delivery_id))).one()
        for name, value in members.items():
            setattr(delivery, name, value)


async def change_endpoint(database: Database, endpoint_id: str, **members: Any) -> None:
    """Set columns of an endpoint, as a verb would."""
    async with database.write() as tx:
        endpoint = await tx.get_one(Endpoint, endpoint_id)
        for name, value in members.items():
            setattr(endpoint, name, value)


def replaced(work: Work, **members: Any) -> Work:
    """Return a work with other members."""
    return msgspec.structs.replace(work, **members)


async def add_many_deliveries(
    database: Database, workspace_id: str, endpoint_id: str, number: int
) -> list[NewDelivery]:
    """Write so many deliveries to an endpoint, due since START and unleased, as a replay would."""
    async with database.read() as tx:
        version = (await tx.get_one(Workspace, workspace_id)).endpoints_version
    return await publish_to(
        database, endpoint_id, number, workspace_id=workspace_id, endpoints_version=version
    )
