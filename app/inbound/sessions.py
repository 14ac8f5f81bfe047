"""Sessions: make them, find them, wake, stop and run them again."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, update

from app.rules.ids import make_id
from app.store.database import Tx
from app.store.models import Deployment, Session
from app.wiring import Wiring


def add_session(
    tx: Tx,
    deployment: Deployment,
    *,
    call: str,
    given: str | None,
    is_durable: bool,
    wiring: Wiring,
    trigger_id: str | None = None,
    request_id: str | None = None,
    parent_id: str | None = None,
    memo: Any = None,
) -> Session:
    """Write a session that is due now, for any worker; `given` is JSON that stands for the event."""
    now = wiring.clock()
    session = Session(
        id=make_id("ses", wiring.chance.uuid7()),
        workspace_id=deployment.workspace_id,
        workflow_id=deployment.workflow_id,
        deployment_id=deployment.id,
        trigger_id=trigger_id,
        request_id=request_id,
        parent_id=parent_id,
        call=call,
        input=given,
        memo=memo,
        is_durable=is_durable,
        is_sync=False,
        status="created",
        attempt=0,
        deaths=0,
        active_seconds=0,
        due_at=now,
        wakes=0,
        stop_forced=False,
        log_length=0,
        created_at=now,
    )
    tx.add(session)
    return session


async def wake(tx: Tx, session_id: str, *, now: datetime) -> None:
    """Have a session look at what has come for it; a parked one becomes due."""
    parked = Session.leased_until.is_(None) & (Session.status == "waiting")
    await tx.execute(
        update(Session)
        .where(Session.id == session_id, Session.finished_at.is_(None))
        .values(wakes=Session.wakes + 1, due_at=case((parked, now), else_=Session.due_at))
        .execution_options(synchronize_session=False)
    )
