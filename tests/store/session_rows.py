"""Rows for tests of the inbound store: workflows, triggers, requests and sessions.

Times are counted from START, as in `tests.store.rows`.
"""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.rules.ids import make_id
from app.store.database import Database
from app.store.hot.scripts import Script
from app.store.hot.session_rows import (
    ClaimedSession,
    NewLogEntry,
    NewOutcome,
    NewRequest,
    NewSession,
    NewSignal,
    Receipt,
    SessionChange,
    Writing,
    Written,
)
from app.store.models import Row, Session, Trigger, TriggerSubscription, Workflow
from app.wiring import Chance
from tests.store.rows import LEASE, START, add_workspace, at, new_token

_slugs = itertools.count()


async def add_workflow(database: Database, *, workspace_id: str | None = None, **members: Any) -> str:
    """Write an enabled workflow of version 1 with the trigger `trg_` + its id, and return its id."""
    workspace_id = workspace_id or await add_workspace(database)
    workflow_id = make_id("wf", Chance().uuid7())
    columns: dict[str, Any] = {
        "name": workflow_id,
        "enabled": True,
        "version": 1,
        "created_at": START,
        "updated_at": START,
    }
    async with database.write() as tx:
        tx.add(Workflow(id=workflow_id, workspace_id=workspace_id, **(columns | members)))
        await tx.flush()
        tx.add(
            Trigger(
                id=trigger_of(workflow_id),
                workspace_id=workspace_id,
                workflow_id=workflow_id,
                name="api",
                type="webhook",
                slug=f"slug{next(_slugs)}",
                spec={},
                created_at=START,
            )
        )
    return workflow_id


def trigger_of(workflow_id: str) -> str:
    """Return the id of the trigger that `add_workflow` made."""
    return f"trg_{workflow_id}"


def new_request(workflow_id: str, **members: Any) -> NewRequest:
    """Return a request to the workflow's trigger."""
    given: dict[str, Any] = {
        "id": make_id("req", Chance().uuid7()),
        "workspace_id": "ws_1",
        "workflow_id": workflow_id,
        "trigger_id": trigger_of(workflow_id),
        "method": "POST",
        "raw_url": "/webhooks/slug",
        "suffix": "",
        "headers": b'[["Host","localhost"]]',
        "body": b"{}",
        "received_at": START,
        "peer": "127.0.0.1",
        "reason": None,
        "session_id": None,
    }
    return NewRequest(**(given | members))


def new_session(request: NewRequest, **members: Any) -> NewSession:
    """Return a session that a request starts."""
    given: dict[str, Any] = {
        "id": make_id("ses", Chance().uuid7()),
        "workspace_id": request.workspace_id,
        "workflow_id": request.workflow_id,
        "deployment_id": "dep_1",
        "trigger_id": request.trigger_id,
        "request_id": request.id,
        "call": "program.py:on_event",
        "is_durable": False,
        "is_sync": False,
        "created_at": request.received_at,
    }
    return NewSession(**(given | members))


def new_receipt(workflow_id: str, *, version: int = 1, seconds: float = 0, **members: Any) -> Receipt:
    """Return a request received so many seconds after START, with the session that it starts."""
    request = new_request(workflow_id, received_at=at(seconds))
    return Receipt(request, new_session(request, **members), version)


def publish_nothing(_: object) -> Script[None]:
    """Stand for whoever publishes what sessions do, in tests of something else."""
    yield from ()


async def receive(database: Database, *receipts: Receipt) -> tuple[set[str], list[str]]:
    """Receive, where every filter fits whose text is not `no`."""
    return await database.sessions.receive(
        receipts, judge=lambda _, filter_text: filter_text != "no", publish=publish_nothing
    )


async def add_sessions(database: Database, workflow_id: str, number: int = 1, **members: Any) -> list[str]:
    """Receive so many requests, each a second after the last, and return the ids of their sessions."""
    receipts = [new_receipt(workflow_id, seconds=place, **members) for place in range(number)]
    await receive(database, *receipts)
    return [receipt.session.id for receipt in receipts if receipt.session is not None]


async def claim_sessions(
    database: Database, limit: int = 100, *, seconds: float = 1000, token: int | None = None
) -> list[ClaimedSession]:
    """Claim, so many seconds after START."""
    return await database.sessions.claim(
        token=token or new_token(),
        now=at(seconds),
        leased_until=at(seconds) + LEASE,
        limit=limit,
        publish=publish_nothing,
    )


async def add_claimed(database: Database, workflow_id: str, **members: Any) -> ClaimedSession:
    """Receive a request and claim its session."""
    await add_sessions(database, workflow_id, **members)
    [session] = await claim_sessions(database)
    return session


async def subscribe(database: Database, session_id: str, workflow_id: str, *, filter_text: str = "") -> str:
    """Write a subscription of a session to the workflow's trigger and return its id."""
    subscription_id = make_id("sub", Chance().uuid7())
    async with database.write() as tx:
        tx.add(
            TriggerSubscription(
                id=subscription_id,
                workspace_id="ws_1",
                session_id=session_id,
                trigger_id=trigger_of(workflow_id),
                filter=filter_text,
                created_at=START,
            )
        )
    return subscription_id


def change(status: str, **members: Any) -> SessionChange:
    """Return what becomes of a session: it lets its lease go and is not due, unless told otherwise."""
    given: dict[str, Any] = {"due_at": None, "keeps_lease": False, "active_seconds": 0.5, "deaths": 0}
    return SessionChange(status=status, **(given | members))


def ended(status: str = "completed", **members: Any) -> SessionChange:
    """Return the end of a session."""
    return change(status, finished_at=at(2000), **members)


def parked(session: ClaimedSession, *, wakes: int | None = None, **members: Any) -> SessionChange:
    """Return a wait that is given up as a row, if nobody has woken the session since."""
    return change("waiting", if_wakes=session.wakes if wakes is None else wakes, **members)


def writing(session: ClaimedSession, **members: Any) -> Writing:
    """Return a writing of the session's holder."""
    return Writing(session.id, session.token, **members)


async def write(database: Database, session: ClaimedSession, **members: Any) -> Written:
    """Write one writing of the session's holder."""
    [written] = await database.sessions.write([writing(session, **members)], publish=publish_nothing)
    return written


async def park(database: Database, session: ClaimedSession, **members: Any) -> bool:
    """Park a session and say whether it is."""
    return (await write(database, session, change=parked(session, **members))).changed


def entry(seq: int, text: str = "hello", *, kind: str = "print", data: str | None = None) -> NewLogEntry:
    """Return a line of a log."""
    return NewLogEntry(seq, START + timedelta(milliseconds=seq), kind, text, data)


def new_outcome(request_id: str, session_id: str, **members: Any) -> NewOutcome:
    """Return an answer."""
    given: dict[str, Any] = {"status_code": 200, "headers": b"[]", "body": b"ok", "created_at": START}
    return NewOutcome(request_id, "ws_1", session_id, **(given | members))


def new_signal(session_id: str, **members: Any) -> NewSignal:
    """Return a signal for a session."""
    given: dict[str, Any] = {"name": "go", "payload": "1", "created_at": at(3000)}
    return NewSignal(make_id("sig", Chance().uuid7()), "ws_1", session_id, **(given | members))


async def read_session(database: Database, session_id: str) -> Session:
    """Return a session as it is now."""
    async with database.read() as tx:
        return await tx.get_one(Session, session_id)


async def change_session(database: Database, session_id: str, **members: Any) -> None:
    """Set columns of a session, as a verb would."""
    async with database.write() as tx:
        session = await tx.get_one(Session, session_id)
        for name, value in members.items():
            setattr(session, name, value)


async def change_workflow(database: Database, workflow_id: str, **members: Any) -> None:
    """Set columns of a workflow, as a verb would."""
    async with database.write() as tx:
        workflow = await tx.get_one(Workflow, workflow_id)
        for name, value in members.items():
            setattr(workflow, name, value)


async def rows_of(database: Database, model: type[Row], *order: str) -> Sequence[Any]:
    """Return all rows of a table, ordered by these columns."""
    async with database.read() as tx:
        statement = select(model).order_by(*(getattr(model, name) for name in order))
        return list(await tx.scalars(statement))


async def count(database: Database, model: type[Row]) -> int:
    """Return how many rows a table has."""
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(model)) or 0
