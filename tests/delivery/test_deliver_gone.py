"""Receivers that answer 410: their endpoint is disabled, once, whatever else is under way."""

from tests.delivery.engines import Gate, running_engine
from tests.eventually import eventually
from tests.outbound.sites import Site
from tests.receivers import answer, receiver


async def test_many_answers_of_410_at_once_disable_the_endpoint_once_and_are_all_recorded(
    site: Site,
) -> None:
    gate = Gate(answer(410))
    async with receiver(gate) as gone, receiver() as operator, running_engine(site):
        endpoint_id = await site.register(gone.url, events=["order.*"])
        await site.register(operator.url, events=["endpoint.*"])
        for _ in range(40):
            await site.publish()
        await gate.holds(16)
        gate.open()

        async def all_recorded() -> bool:
            deliveries = await site.deliveries(endpoint_id=endpoint_id)
            return sum(row.attempt_count for row in deliveries) == len(gone.requests) and not any(
                row.lease_token for row in deliveries
            )

        await eventually(all_recorded, what="all attempts are recorded")
        await eventually(lambda: operator.requests, what="the operator is told")
        deliveries = await site.deliveries(endpoint_id=endpoint_id)
        endpoint = await site.endpoint(endpoint_id)
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "gone")
    assert {(row.status, row.reason) for row in deliveries} <= {
        ("failed", "gone"),
        ("cancelled", "endpoint_disabled"),
    }
    assert [row.status for row in deliveries].count("failed") >= 1
    assert len(gone.requests) < 40
    assert [request.headers["x-aetherflow-event"] for request in operator.requests] == ["endpoint.disabled"]


async def test_an_endpoint_that_is_gone_gets_nothing_that_waited(site: Site) -> None:
    gate = Gate(answer(410))
    async with receiver(gate) as gone, running_engine(site):
        await site.register(gone.url, concurrency=1)
        for _ in range(20):
            await site.publish()
        await gate.holds(1)
        gate.open()

        async def ended() -> bool:
            return await site.statuses() == {"failed": 1, "cancelled": 19}

        await eventually(ended, what="one failed and the others are cancelled")
        assert len(gone.requests) == 1
        assert len(await site.attempts()) == 1
