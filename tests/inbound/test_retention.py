"""Sessions and requests go when their days are over, but not while a session still needs them."""

import dataclasses
from datetime import timedelta

from sqlalchemy import func, select, update

from app.rules.ids import make_id
from app.store.hot.session_rows import NewRequest, NewSession, Receipt
from app.store.models import Arrival, FinalOutcome, LogEntry, ReceivedRequest, Session, Trigger, Workflow
from app.wiring import Wiring
from delivery.prune import prune
from tests.inbound.deployed import deploy_files
from tests.outbound.sites import Site
from tests.store.session_rows import publish_nothing

MANIFEST = """
version: v2
project:
  name: kept
triggers:
  - name: hook
    type: webhook
    call: program.py:handle
"""


def later(site: Site, days: float) -> Wiring:
    moment = site.wiring.clock() + timedelta(days=days)
    return dataclasses.replace(site.wiring, clock=lambda: moment)


async def receive(site: Site) -> str:
    """Store a request with its session, its answer and a line of log; returns the session's id."""
    deployed = await deploy_files(site, {"aetherflow.yaml": MANIFEST, "program.py": "def handle(event): ..."})
    workflow, deployment, trigger = deployed.workflow, deployed.deployment, deployed.triggers[0]
    assert isinstance(workflow, Workflow)
    assert isinstance(trigger, Trigger)
    assert deployment is not None
    now = site.wiring.clock()
    request_id = make_id("req", site.wiring.chance.uuid7())
    session_id = make_id("ses", site.wiring.chance.uuid7())
    owned = (site.workspace_id, workflow.id)
    request = NewRequest(
        request_id, *owned, trigger.id, "POST", "/webhooks/x", "", b"[]", b"", now, None, None, session_id
    )
    session = NewSession(
        session_id, *owned, deployment.id, trigger.id, request_id, "program.py:handle", False, False, now
    )
    written, _ = await site.database.sessions.receive(
        [Receipt(request, session, workflow.version)], judge=lambda *_: False, publish=publish_nothing
    )
    assert written == {request_id}
    async with site.database.write() as tx:
        tx.add(LogEntry(session_id=session_id, seq=1, at=now, kind="print", text="hello"))
        tx.add(
            FinalOutcome(
                request_id=request_id,
                workspace_id=site.workspace_id,
                session_id=session_id,
                status_code=200,
                headers=b"[]",
                body=b"",
                created_at=now,
            )
        )
    return session_id


async def counts(site: Site) -> list[int]:
    async with site.database.read() as tx:
        return [
            await tx.scalar(select(func.count()).select_from(table)) or 0
            for table in (ReceivedRequest, Session, LogEntry, FinalOutcome)
        ]


async def test_an_ended_session_goes_with_its_request_its_answer_and_its_log(site: Site) -> None:
    session_id = await receive(site)
    async with site.database.write() as tx:
        ended = update(Session).where(Session.id == session_id)
        await tx.execute(ended.values(status="completed", finished_at=site.wiring.clock()))
    await prune(later(site, 89.9))
    assert await counts(site) == [1, 1, 1, 1]
    await prune(later(site, 90.1))
    assert await counts(site) == [0, 0, 0, 0]


async def test_a_session_that_has_not_ended_keeps_everything(site: Site) -> None:
    await receive(site)
    await prune(later(site, 400))
    assert await counts(site) == [1, 1, 1, 1]


async def test_what_came_to_a_subscription_in_the_moment_of_its_end_goes_with_time(site: Site) -> None:
    await receive(site)
    async with site.database.write() as tx:
        request_id = await tx.scalar(select(ReceivedRequest.id))
        tx.add(Arrival(subscription_id="sub_gone", request_id=request_id))
    async with site.database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Arrival)) == 1
    await prune(later(site, 89.9))
    async with site.database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Arrival)) == 1
    await prune(later(site, 90.1))
    async with site.database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Arrival)) == 0
