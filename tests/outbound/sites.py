"""One process's parts on a fresh database, with what tests of verbs and of delivery do with them."""

import base64
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import orjson
from sqlalchemy import select

from app.cli.serving.parts import make_wiring
from app.outbound.drafts import Publication, Published
from app.outbound.endpoints import NewEndpoint, Registered, register
from app.outbound.fanout import Fanout
from app.outbound.publish import Publisher
from app.queue import LocalQueue, Queue
from app.rules.ids import make_id
from app.settings import read_settings
from app.store.database import Tx
from app.store.models import Attempt, Delivery, Endpoint, Event, Workspace
from app.wiring import Chance, Wiring
from tests.opened import empty


class Site:
    """A workspace in a database, and the parts that serve it."""

    def __init__(self, wiring: Wiring, queue: Queue) -> None:
        self.wiring = wiring
        # A LocalQueue, unless the test has brought another.
        self.queue: Any = queue
        self.database = wiring.database
        self.workspace_id = make_id("ws", Chance().uuid7())
        self.publisher = self.make_publisher()

    def make_publisher(self) -> Publisher:
        """Return a publisher such as another process has."""
        return Publisher(
            self.database,
            fanout=Fanout(self.database),
            queue=self.queue,
            metrics=self.wiring.metrics,
            clock=self.wiring.clock,
            chance=self.wiring.chance,
            lease_seconds=self.wiring.settings.lease_seconds,
        )

    async def add_workspace(self) -> None:
        async with self.database.write() as tx:
            now = self.wiring.clock()
            tx.add(
                Workspace(id=self.workspace_id, name=self.workspace_id, endpoints_version=0, created_at=now)
            )

    async def register(self, url: str = "http://127.0.0.1:9/hooks", **members: Any) -> str:
        """Register an endpoint, whose retries are far away unless told otherwise, and return its id."""
        async with self.database.write() as tx:
            registered = await self.register_in(tx, url, **members)
        return registered.endpoint.id

    async def register_in(self, tx: Tx, url: str = "http://127.0.0.1:9/hooks", **members: Any) -> Registered:
        given: dict[str, Any] = {
            "events": [],
            "description": None,
            "headers": {},
            "metadata_": {},
            "schemes": ["aetherflow", "v1"],
            "timeout_seconds": 10.0,
            "max_retries": None,
            "retry_schedule": None,
            "concurrency": None,
            "enabled": True,
            "secret": None,
            "ed25519_secret": None,
        }
        new = NewEndpoint(url=url, **(given | members))
        return await register(tx, new, workspace_id=self.workspace_id, wiring=self.wiring)

    async def publish(self, data: Any = None, **members: Any) -> Published:
        """Publish an event, `order.placed` unless told otherwise."""
        return await self.publisher.publish(self.publisher.draft(self.publication(data, **members)))

    def publication(self, data: Any = None, **members: Any) -> Publication:
        given: dict[str, Any] = {"type": "order.placed", "data": orjson.dumps(data or {})}
        return Publication(self.workspace_id, **(given | members))

    async def events(self) -> list[Event]:
        async with self.database.read() as tx:
            return list(await tx.scalars(select(Event).order_by(Event.created_at, Event.id)))

    async def deliveries(self, **members: Any) -> list[Delivery]:
        """Return the deliveries that have these members, in the order of their ids."""
        async with self.database.read() as tx:
            return list(await tx.scalars(select(Delivery).filter_by(**members).order_by(Delivery.id)))

    async def attempts(self, delivery_id: str = "") -> list[Attempt]:
        """Return the attempts of one delivery, or of all."""
        statement = select(Attempt).order_by(Attempt.delivery_id, Attempt.number)
        if delivery_id:
            statement = statement.where(Attempt.delivery_id == delivery_id)
        async with self.database.read() as tx:
            return list(await tx.scalars(statement))

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        async with self.database.read() as tx:
            return await tx.get_one(Endpoint, endpoint_id)

    async def statuses(self) -> dict[str, int]:
        """Return how many deliveries there are of each status."""
        counts: dict[str, int] = {}
        for delivery in await self.deliveries():
            counts[delivery.status] = counts.get(delivery.status, 0) + 1
        return counts


def new_wiring(database_url: str, queue: Queue, **settings: Any) -> Wiring:
    """Return the parts of a process that may deliver to the loopback."""
    defaults = {
        "database_url": database_url,
        "keyring": f"tests:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "egress_allow": "127.0.0.0/8,::1/128",
        "egress_ports": "1-65535",
        "allow_http": True,
    }
    return make_wiring(read_settings(**(defaults | settings)), queue, folder=None)


@contextlib.asynccontextmanager
async def new_site(
    database_url: str, *, emptied: bool = True, queue: Queue | None = None, **settings: Any
) -> AsyncIterator[Site]:
    """Open a database, empty it unless told otherwise, and add a workspace."""
    queue = queue or LocalQueue()
    wiring = new_wiring(database_url, queue, **settings)
    await wiring.database.open()
    try:
        if emptied:
            await empty(wiring.database)
        site = Site(wiring, queue)
        await site.add_workspace()
        yield site
    finally:
        await wiring.database.close()
