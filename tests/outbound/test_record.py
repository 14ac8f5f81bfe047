"""Events that our own verbs publish: in the verb's transaction, to whoever subscribes."""

import orjson
import pytest

from app.outbound import endpoints as endpoint_verbs
from app.outbound.record import record_event
from app.queue import Hint, Look
from app.store.models import Endpoint
from tests.outbound.sites import Site


@pytest.fixture
def hints(site: Site) -> list[Hint]:
    given: list[Hint] = []
    site.queue.connect(given.append)
    return given


async def record(site: Site, *, besides: str | None = None) -> str:
    async with site.database.write() as tx:
        event = await record_event(
            tx,
            "endpoint.enabled",
            {"endpoint": {"id": "ep_1"}},
            workspace_id=site.workspace_id,
            wiring=site.wiring,
            besides=besides,
        )
        return event.id


async def test_an_event_goes_to_those_who_subscribe_and_are_enabled(site: Site) -> None:
    everything, operator = await site.register(), await site.register(events=["endpoint.*"])
    await site.register(events=["order.*"])
    await site.register(enabled=False)
    event_id = await record(site)
    deliveries = await site.deliveries(event_id=event_id)
    assert {row.endpoint_id for row in deliveries} == {everything, operator}
    assert {(row.status, row.lease_token, row.test, row.attempt_count) for row in deliveries} == {
        ("pending", None, False, 0)
    }


async def test_an_event_never_goes_to_the_endpoint_it_speaks_of(site: Site) -> None:
    spoken_of, other = await site.register(), await site.register()
    event_id = await record(site, besides=spoken_of)
    assert [row.endpoint_id for row in await site.deliveries(event_id=event_id)] == [other]


async def test_an_event_stays_within_its_workspace(site: Site) -> None:
    neighbour = Site(site.wiring, site.queue)
    await neighbour.add_workspace()
    await neighbour.register()
    event_id = await record(site)
    assert await site.deliveries(event_id=event_id) == []


async def test_the_body_is_an_envelope_like_any_other(site: Site) -> None:
    event_id = await record(site)
    [event] = await site.events()
    body = orjson.loads(event.body)
    assert (event.id, event.type) == (event_id, "endpoint.enabled")
    assert list(body) == ["event", "id", "timestamp", "data"]
    assert (body["event"], body["id"], body["data"]) == (
        "endpoint.enabled",
        event_id,
        {"endpoint": {"id": "ep_1"}},
    )


async def test_workers_are_told_of_it_after_the_commit(site: Site, hints: list[Hint]) -> None:
    endpoint_id = await site.register()
    hints.clear()
    await record(site)
    assert [hint for hint in hints if isinstance(hint, Look)] == [Look([endpoint_id])]


async def test_a_rollback_takes_the_event_along(site: Site, hints: list[Hint]) -> None:
    endpoint_id = await site.register()
    await site.register(events=["endpoint.*"])
    hints.clear()

    async def fail() -> None:
        async with site.database.write() as tx:
            endpoint = await tx.get_one(Endpoint, endpoint_id)
            await endpoint_verbs.disable(tx, endpoint, reason="manual", wiring=site.wiring)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await site.events() == []
    assert await site.deliveries() == []
    assert (await site.endpoint(endpoint_id)).enabled
    assert hints == []


async def test_a_change_of_state_is_told_once_and_not_when_nothing_changes(site: Site) -> None:
    endpoint_id = await site.register()
    await site.register(events=["endpoint.*"])
    for turn in (
        endpoint_verbs.enable,
        endpoint_verbs.disable,
        endpoint_verbs.disable,
        endpoint_verbs.enable,
    ):
        async with site.database.write() as tx:
            endpoint = await tx.get_one(Endpoint, endpoint_id)
            if turn is endpoint_verbs.enable:
                await endpoint_verbs.enable(tx, endpoint, wiring=site.wiring)
            else:
                await endpoint_verbs.disable(tx, endpoint, reason="manual", wiring=site.wiring)
    assert [event.type for event in await site.events()] == ["endpoint.disabled", "endpoint.enabled"]
