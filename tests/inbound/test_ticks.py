"""A tick starts one session, however many processes look, and missed ticks come once."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from app.inbound.schedules import fire_due, is_due
from app.store.models import Workflow
from app.wiring import Wiring
from tests.inbound.deployed import at, deploy_files, sessions_of
from tests.outbound.sites import Site

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

HOURLY = """
version: v2
project:
  name: clockwork
triggers:
  - name: hourly
    type: schedule
    schedule: "0 * * * *"
    call: program.py:tick
"""

PROGRAM = "def tick(event):\n    pass\n"


async def fire(site: Site, wiring: Wiring) -> int:
    async with site.database.write() as tx:
        return await fire_due(tx, wiring=wiring)


async def deploy_at_start(site: Site, manifest: str = HOURLY) -> None:
    await deploy_files(site, {"aetherflow.yaml": manifest, "program.py": PROGRAM}, wiring=at(site, START))


async def test_nothing_starts_before_its_time(site: Site) -> None:
    await deploy_at_start(site)
    early = at(site, START + timedelta(minutes=59))
    async with site.database.read() as tx:
        assert not await is_due(tx, wiring=early)
    assert await fire(site, early) == 0
    assert await sessions_of(site) == []


async def test_a_tick_starts_a_session_that_knows_its_time(site: Site) -> None:
    await deploy_at_start(site)
    due = at(site, START + timedelta(hours=1, seconds=1))
    async with site.database.read() as tx:
        assert await is_due(tx, wiring=due)
    assert await fire(site, due) == 1
    [session] = await sessions_of(site)
    assert (session.call, session.status, session.is_sync) == ("program.py:tick", "created", False)
    given = json.loads(session.input or "")
    assert given["event_type"] == "tick"
    assert given["data"] == {
        "trigger": "hourly",
        "schedule": "0 * * * *",
        "planned_at": "2026-03-01T13:00:00+00:00",
    }


async def test_many_who_look_at_once_start_one_session(site: Site) -> None:
    await deploy_at_start(site)
    due = at(site, START + timedelta(hours=1, seconds=1))
    fired = await asyncio.gather(*(fire(site, due) for _ in range(8)))
    assert sum(fired) == 1
    assert len(await sessions_of(site)) == 1


async def test_missed_ticks_come_once_and_late(site: Site) -> None:
    await deploy_at_start(site)
    late = at(site, START + timedelta(hours=5, minutes=30))
    assert await fire(site, late) == 1
    assert await fire(site, late) == 0
    assert await fire(site, at(site, START + timedelta(hours=6, seconds=1))) == 1


async def test_deploying_the_same_schedule_again_does_not_move_its_tick(site: Site) -> None:
    await deploy_at_start(site)
    later = at(site, START + timedelta(minutes=30))
    await deploy_files(site, {"aetherflow.yaml": HOURLY, "program.py": PROGRAM + "# changed\n"}, wiring=later)
    assert await fire(site, at(site, START + timedelta(hours=1, seconds=1))) == 1


async def test_a_disabled_workflow_lets_its_ticks_pass(site: Site) -> None:
    await deploy_at_start(site)
    async with site.database.write() as tx:
        await tx.execute(update(Workflow).values(enabled=False))
    assert await fire(site, at(site, START + timedelta(hours=1, seconds=1))) == 0
    async with site.database.write() as tx:
        await tx.execute(update(Workflow).values(enabled=True))
    assert await fire(site, at(site, START + timedelta(hours=1, seconds=2))) == 0
    assert await fire(site, at(site, START + timedelta(hours=2, seconds=1))) == 1


async def test_a_filter_chooses_among_ticks(site: Site) -> None:
    await deploy_at_start(
        site, HOURLY.replace("    call:", "    filter: data.planned_at.contains('T14')\n    call:")
    )
    assert await fire(site, at(site, START + timedelta(hours=1, seconds=1))) == 0
    assert await fire(site, at(site, START + timedelta(hours=2, seconds=1))) == 1
