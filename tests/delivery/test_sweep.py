"""The net below all hints: it finds everything in turn, and a database that is away only costs it a turn."""

import asyncio

import pytest

from app.errors import Unavailable
from delivery import sweep
from delivery.sweep import Sweep, repeat
from tests.delivery.engines import Gate, bare_deliverer, settled
from tests.eventually import eventually
from tests.outbound.sites import Site
from tests.receivers import receiver
from tests.store.rows import add_many_deliveries


async def test_endpoints_with_more_than_there_is_room_for_hide_no_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MOST_ENDPOINTS", 2)
    gate = Gate()
    async with receiver(gate) as slow, receiver() as quick, bare_deliverer(site) as deliverer:
        for _ in range(3):
            endpoint_id = await site.register(slow.url, concurrency=1)
            await add_many_deliveries(site.database, site.workspace_id, endpoint_id, 50)
        last = await site.register(quick.url)
        await add_many_deliveries(site.database, site.workspace_id, last, 1)
        net = Sweep(site.wiring, deliverer)
        for _ in range(4):
            await net.look()
            await gate.holds(1)
        await settled(site, 1)
        gate.open()
        for _ in range(4):
            await net.look()
        await settled(site, 151)


async def test_nothing_is_looked_for_without_room(site: Site) -> None:
    async with receiver() as there, bare_deliverer(site) as deliverer:
        endpoint_id = await site.register(there.url)
        await add_many_deliveries(site.database, site.workspace_id, endpoint_id, 1)
        await deliverer.stop()
        await Sweep(site.wiring, deliverer).look()
        assert (await site.statuses(), there.requests) == ({"pending": 1}, [])


@pytest.mark.parametrize("error", [Unavailable(), ConnectionRefusedError(), ZeroDivisionError()])
async def test_a_turn_that_fails_is_followed_by_the_next(error: Exception) -> None:
    turns = 0

    async def act() -> None:
        nonlocal turns
        turns += 1
        if turns < 3:
            raise error

    task = asyncio.ensure_future(repeat(act, seconds=0.001))
    await eventually(lambda: turns >= 5, what="it goes on")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
