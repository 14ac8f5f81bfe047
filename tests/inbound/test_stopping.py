"""Stopping sessions that nobody performs, and those that somebody does."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.errors import Conflict
from app.inbound.sessions import add_session, log_of, steps_of
from app.inbound.stopping import stop
from app.queue import Hint, LocalQueue, RequestsAnswered, SessionsDue, SessionsWoken
from app.store.models import (
    Arrival,
    Deployment,
    JournalEntry,
    Row,
    Session,
    Signal,
    Step,
    TriggerSubscription,
)
from tests.inbound.deployed import deploy_files
from tests.outbound.sites import Site
from tests.store.session_rows import publish_nothing

FILES = {
    "aetherflow.yaml": "version: v2\nproject:\n  name: p\ntriggers: []\n",
    "program.py": "def handle(event):\n    pass\n",
}

WAITS: tuple[type[Row], ...] = (Arrival, TriggerSubscription, Signal, JournalEntry)


async def new_session(site: Site, *, parent_id: str | None = None, **members: object) -> Session:
    """Write a session that is due, with `members` for columns."""
    deployment = (await deploy_files(site, FILES)).deployment
    assert isinstance(deployment, Deployment)
    async with site.database.write() as tx:
        session = add_session(
            tx,
            deployment,
            call="program.py:handle",
            given=None,
            is_durable=True,
            wiring=site.wiring,
            parent_id=parent_id,
        )
        for name, value in members.items():
            setattr(session, name, value)
    return session


async def stop_it(
    site: Site, session_id: str, *, reason: str | None = None, force: bool = False
) -> tuple[Session, list[Hint]]:
    """Stop a session, and return it with the hints that were given."""
    hints: list[Hint] = []
    assert isinstance(site.queue, LocalQueue)
    site.queue.connect(hints.append)
    try:
        async with site.database.write() as tx:
            session = await tx.get_one(Session, session_id)
            await stop(tx, session, reason=reason, force=force, wiring=site.wiring)
            assert hints == [], "a hint may not speak of what nobody can see yet"
    finally:
        site.queue.connect(None)
    return session, hints


async def count(site: Site, table: type[Row]) -> int:
    async with site.database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(table)) or 0


async def test_a_session_that_has_not_begun_ends_at_once(site: Site) -> None:
    session, hints = await stop_it(site, (await new_session(site)).id, reason="a mistake")
    assert (session.status, session.error, session.stop_reason) == ("stopped", "a mistake", "a mistake")
    assert session.finished_at is not None
    assert (session.due_at, session.leased_until) == (None, None)
    assert hints == []
    async with site.database.read() as tx:
        entries = await log_of(tx, session, after=0, limit=9)
    assert [(entry.seq, entry.kind, entry.text, entry.data) for entry in entries] == [
        (1, "stop", "a mistake", None),
        (2, "state", "stopped", '{"reason": "a mistake"}'),
    ]
    assert session.log_length == 2
    claimed = await site.database.sessions.claim(
        token=1,
        now=site.wiring.clock() + timedelta(days=1),
        leased_until=site.wiring.clock() + timedelta(days=2),
        limit=9,
        publish=publish_nothing,
    )
    assert claimed == []


async def test_a_parked_session_forgets_what_it_waits_for_and_leaves_no_step_open(site: Site) -> None:
    session = await new_session(site, status="waiting", due_at=None, wait="sleep", log_length=7)
    now = site.wiring.clock()
    async with site.database.write() as tx:
        tx.add_all(
            [
                TriggerSubscription(
                    id="sub_1",
                    workspace_id=site.workspace_id,
                    session_id=session.id,
                    trigger_id="trg_1",
                    filter="",
                    created_at=now,
                ),
                Arrival(subscription_id="sub_1", request_id="req_1"),
                Signal(
                    id="sig_1",
                    workspace_id=site.workspace_id,
                    session_id=session.id,
                    name="x",
                    payload="1",
                    created_at=now,
                ),
                JournalEntry(session_id=session.id, seq=1, kind="sleep", name="", result=b"1"),
                Step(session_id=session.id, number=1, name="done", status="completed", started_at=now),
                Step(session_id=session.id, number=2, name="open", status="running", started_at=now),
            ]
        )
    stopped, _ = await stop_it(site, session.id)
    assert (stopped.status, stopped.error, stopped.wait, stopped.log_length) == (
        "stopped",
        "stopped",
        None,
        9,
    )
    assert [await count(site, table) for table in WAITS] == [0, 0, 0, 0]
    async with site.database.read() as tx:
        steps = [(step.name, step.status, step.error) for step in await steps_of(tx, stopped)]
    assert steps == [("done", "completed", None), ("open", "failed", "stopped")]


async def test_the_session_that_started_it_is_told_and_woken(site: Site) -> None:
    parent = await new_session(site, status="waiting", due_at=None)
    child = await new_session(site, parent_id=parent.id)
    _, hints = await stop_it(site, child.id)
    assert hints == [SessionsWoken([parent.id]), SessionsDue()]
    async with site.database.read() as tx:
        (signal,) = await tx.scalars(select(Signal))
        woken = await tx.get_one(Session, parent.id)
    assert (signal.session_id, signal.name) == (parent.id, child.id)
    assert json.loads(signal.payload) == {"completed": False, "value": None}
    assert (woken.wakes, woken.due_at) == (1, signal.created_at)


async def test_a_caller_who_waits_in_another_process_is_answered(site: Site) -> None:
    session = await new_session(site, status="waiting", due_at=None, is_sync=True, request_id="req_1")
    _, hints = await stop_it(site, session.id)
    assert hints == [RequestsAnswered(["req_1"])]


async def test_whoever_holds_the_lease_ends_the_session_itself(site: Site) -> None:
    until = site.wiring.clock() + timedelta(seconds=5)
    session = await new_session(site, status="running", leased_until=until, lease_token=7)
    stopping, hints = await stop_it(site, session.id, reason="enough")
    assert (stopping.status, stopping.finished_at, stopping.leased_until) == ("running", None, until)
    assert hints == [SessionsWoken([session.id])]
    (state,) = (await site.database.sessions.renew([(session.id, 7)], leased_until=until)).values()
    assert (state.held, state.is_stopping, state.stop_forced, state.stop_reason) == (
        True,
        True,
        False,
        "enough",
    )
    again, _ = await stop_it(site, session.id, reason="another", force=True)
    assert (again.stop_reason, again.stop_forced, again.stopping_at) == (
        "enough",
        True,
        stopping.stopping_at,
    )
    third, _ = await stop_it(site, session.id)
    assert third.stop_forced is True


async def test_a_session_whose_performer_is_gone_ends_at_once(site: Site) -> None:
    past = site.wiring.clock() - timedelta(seconds=1)
    session = await new_session(site, status="running", leased_until=past, lease_token=7)
    stopped, _ = await stop_it(site, session.id)
    assert stopped.status == "stopped"
    (state,) = (await site.database.sessions.renew([(session.id, 7)], leased_until=past)).values()
    assert not state.held


@pytest.mark.parametrize("status", ["completed", "failed", "stopped"])
async def test_what_has_ended_cannot_be_stopped(site: Site, status: str) -> None:
    session = await new_session(site, status=status, finished_at=site.wiring.clock(), due_at=None)
    with pytest.raises(Conflict, match=status):
        await stop_it(site, session.id)
