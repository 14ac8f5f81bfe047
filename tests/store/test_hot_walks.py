"""Random walks over the hot statements: after each step both databases hold and answer what a plain model does."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from app.store.database import Database
from app.store.hot.contract import Work
from app.store.models import Attempt, Delivery, Endpoint, Workspace
from tests.store.hot_model import Model, ModelDelivery
from tests.store.rows import (
    LEASE,
    START,
    add_endpoint,
    add_workspace,
    new_delivery,
    new_event,
    new_token,
    settlement,
)

STEPS = 150


class Walk:
    """A database and the model beside it, taken through the same steps."""

    def __init__(
        self, database: Database, workspace_id: str, endpoint_ids: list[str], random: Random
    ) -> None:
        self.database = database
        self.workspace_id = workspace_id
        self.endpoint_ids = endpoint_ids
        self.random = random
        self.model = Model(endpoint_ids)
        self.works: list[Work] = []
        self.now = START
        self._instants = 0

    async def take_step(self) -> None:
        steps: list[tuple[int, Callable[[], object]]] = [
            (4, self.publish),
            (5, self.claim),
            (5, self.settle),
            (2, self.renew),
            (2, self.release),
            (2, self.change_delivery),
            (1, self.turn_endpoint),
            (4, self.wait),
            (1, self.void_leases),
        ]
        [step] = self.random.choices([s for _, s in steps], [weight for weight, _ in steps])
        await step()  # type: ignore[misc]
        await self.compare(step.__name__)

    async def publish(self) -> None:
        ids = [f"evt_{self.random.randrange(60):02d}" for _ in range(self.random.randint(0, 4))]
        version = self.model.version - (self.random.random() < 0.1)
        events = [
            new_event(self.workspace_id, id_, created_at=self.instant(), endpoints_version=version)
            for id_ in dict.fromkeys(ids)
        ]
        deliveries = []
        for event in events:
            for endpoint_id in self.some(self.endpoint_ids):
                delivery = new_delivery(event, endpoint_id)
                delivery.created_at = self.instant()
                deliveries.append(delivery)
        leased, whole = self.random.random() < 0.5, self.random.random() < 0.3
        token, until = (new_token(), self.now + LEASE) if leased else (None, None)
        written = await self.database.hot.publish(
            events, deliveries, token=token, leased_until=until, whole=whole
        )
        expected = self.model.publish(events, deliveries, token=token, leased_until=until, whole=whole)
        assert {id_ for _, id_ in written} == expected
        if token is not None and until is not None:
            self.works += [
                Work(
                    d.workspace_id,
                    d.id,
                    d.event_id,
                    d.event_type,
                    d.endpoint_id,
                    b"",
                    1,
                    False,
                    False,
                    0,
                    token,
                    until,
                )
                for d in deliveries
                if d.event_id in expected
            ]

    async def claim(self) -> None:
        rooms = [(id_, self.random.randint(0, 3)) for id_ in self.some(self.endpoint_ids)]
        token = new_token()
        works = await self.database.hot.claim(rooms, token=token, now=self.now, leased_until=self.now + LEASE)
        expected = self.model.claim(rooms, token=token, now=self.now, lease=LEASE)
        assert [(work.delivery_id, work.number) for work in works] == expected
        self.works += works

    async def settle(self) -> None:
        settlements = [
            settlement(
                work,
                status=self.random.choice(["pending", "pending", "succeeded", "failed"]),
                due_at=self.instant() + timedelta(seconds=self.random.choice([0, 0, 3, 20])),
            )
            for work in self.some_works()
        ]
        assert await self.database.hot.settle(settlements) == self.model.settle(settlements)

    async def renew(self) -> None:
        works = self.some_works()
        until = self.now + LEASE
        assert await self.database.hot.renew(works, leased_until=until) == self.model.renew(
            works, leased_until=until
        )

    async def release(self) -> None:
        works = self.some_works()
        await self.database.hot.release([(w.workspace_id, w.delivery_id, w.token) for w in works])
        self.model.release(works)

    async def change_delivery(self) -> None:
        """Cancel, retry or mark as a test, as verbs do."""
        for id_ in self.some(sorted(self.model.deliveries))[:2]:
            modelled = self.model.deliveries[id_]
            change = self.random.choice(["cancel", "retry", "test"])
            if change == "retry":
                modelled.status, modelled.due_at = "pending", self.instant()
            elif change == "cancel":
                modelled.status = "cancelled"
            else:
                modelled.test = True
            async with self.database.write() as tx:
                row = await tx.get_one(Delivery, (self.workspace_id, id_))
                row.status, row.due_at, row.test = modelled.status, modelled.due_at, modelled.test

    async def turn_endpoint(self) -> None:
        endpoint_id = self.random.choice(self.endpoint_ids)
        self.model.enabled[endpoint_id] = not self.model.enabled[endpoint_id]
        self.model.version += 1
        async with self.database.write() as tx:
            (await tx.get_one(Endpoint, endpoint_id)).enabled = self.model.enabled[endpoint_id]
            (await tx.get_one(Workspace, self.workspace_id)).endpoints_version = self.model.version

    async def wait(self) -> None:
        self.now += timedelta(seconds=self.random.choice([1, 4, 5, 6, 30]))

    async def void_leases(self) -> None:
        await self.database.hot.void_leases()
        self.model.void_leases()

    async def compare(self, step: str) -> None:
        due = await self.database.hot.due_endpoints(now=self.now, limit=100)
        assert len(due) == len(set(due)), step
        assert set(due) == self.model.due_endpoints(self.now), step
        async with self.database.read() as tx:
            attempts: dict[str, list[int]] = {}
            for id_, number in await tx.execute(
                select(Attempt.delivery_id, Attempt.number).order_by(Attempt.number)
            ):
                attempts.setdefault(id_, []).append(number)
            found = {
                row.id: ModelDelivery(
                    row.endpoint_id,
                    row.event_id,
                    row.due_at,
                    row.status,
                    row.test,
                    row.lease_token,
                    row.leased_until,
                    row.attempt_count,
                    tuple(attempts.get(row.id, ())),
                )
                for row in await tx.scalars(select(Delivery))
            }
        assert found == self.model.deliveries, step
        for delivery in found.values():
            assert delivery.attempts == tuple(range(1, delivery.attempt_count + 1)), step

    def instant(self) -> datetime:
        """Return a moment of the present second that was not used before."""
        self._instants += 1
        return self.now + timedelta(microseconds=self._instants)

    def some(self, things: list[str]) -> list[str]:
        return [thing for thing in things if self.random.random() < 0.6]

    def some_works(self) -> list[Work]:
        """Works of now and of long ago, but no delivery twice under one token."""
        chosen = self.random.sample(self.works, min(len(self.works), self.random.randint(0, 6)))
        return list({(work.delivery_id, work.token): work for work in chosen}.values())


@pytest.mark.parametrize("seed", range(4))
async def test_a_random_walk_ends_where_the_model_does(database: Database, seed: int) -> None:
    workspace_id = await add_workspace(database)
    endpoint_ids = [await add_endpoint(database, workspace_id) for _ in range(3)]
    walk = Walk(database, workspace_id, endpoint_ids, Random(seed))
    for _ in range(STEPS):
        await walk.take_step()
