"""What is kept for how long."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select, update

from app.rules.ids import make_id
from app.store.models import Attempt, Delivery, Event, IdempotentAnswer
from app.wiring import Chance, Wiring
from delivery import prune as prune_module
from delivery.prune import prune
from tests.outbound.sites import Site

DAY = timedelta(days=1)


def later(wiring: Wiring, days: float) -> Wiring:
    """Return the same parts with a clock that is so many days ahead."""
    return replace(wiring, clock=lambda: wiring.clock() + days * DAY)


async def finish_deliveries(site: Site) -> None:
    """End all deliveries, each with an attempt."""
    async with site.database.write() as tx:
        for delivery in await tx.scalars(select(Delivery)):
            tx.add(
                Attempt(
                    delivery_id=delivery.id,
                    number=1,
                    workspace_id=delivery.workspace_id,
                    started_at=delivery.created_at,
                    result="2xx",
                    duration_ms=1.0,
                    request_headers=b"",
                    response_headers=b"",
                    response_body=b"",
                    response_truncated=False,
                )
            )
        await tx.execute(update(Delivery).values(status="succeeded"))


async def test_events_deliveries_and_attempts_go_when_their_days_are_over(site: Site) -> None:
    await site.register()
    await site.publish()
    await finish_deliveries(site)

    assert await prune(later(site.wiring, 89.9)) == 0
    assert len(await site.attempts()) == 1

    assert await prune(later(site.wiring, 90.1)) == 2
    assert (await site.events(), await site.deliveries(), await site.attempts()) == ([], [], [])


async def test_a_pending_delivery_and_its_event_stay_however_old_they_are(site: Site) -> None:
    await site.register()
    await site.publish()

    assert await prune(later(site.wiring, 1000)) == 0

    assert len(await site.events()) == len(await site.deliveries()) == 1


async def test_an_event_that_nobody_got_goes_too(site: Site) -> None:
    await site.publish()

    assert await prune(later(site.wiring, 91)) == 1
    assert await site.events() == []


async def test_more_rows_than_a_batch_holds_go_in_several(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(prune_module, "BATCH_ROWS", 2)
    for _ in range(5):
        await site.publish()

    assert await prune(later(site.wiring, 91)) == 5
    assert await site.events() == []


async def test_answers_to_repeat_go_after_a_day(site: Site) -> None:
    now = site.wiring.clock()
    async with site.database.write() as tx:
        tx.add(
            IdempotentAnswer(
                workspace_id=site.workspace_id,
                route="POST /events",
                key="k",
                request_digest=b"d" * 32,
                claim=make_id("evt", Chance().uuid7()),
                claimed_until=now,
                created_at=now,
            )
        )

    assert await prune(later(site.wiring, 0.9)) == 0
    assert await prune(later(site.wiring, 1.1)) == 1
    async with site.database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(IdempotentAnswer)) == 0


async def test_what_is_younger_stays(site: Site) -> None:
    await site.publish()
    old = await site.events()
    async with site.database.write() as tx:
        await tx.execute(update(Event).values(created_at=old[0].created_at - 200 * DAY))
    await site.publish()

    assert await prune(site.wiring) == 1
    assert len(await site.events()) == 1
