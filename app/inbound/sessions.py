"""Sessions: make them, find them and wake them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, literal, or_, select, update

from app.errors import NotFound
from app.rules.ids import make_id
from app.store.database import Tx
from app.store.models import Deployment, LogEntry, Session, Step, Trigger
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
    hops: int = 0,
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
        hops=hops,
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
    # A case does not pass the type of its column on, and SQLite would keep a text that is never due.
    due_at = case((parked, literal(now, Session.due_at.type)), else_=Session.due_at)
    await tx.execute(
        update(Session)
        .where(Session.id == session_id, Session.finished_at.is_(None))
        .values(wakes=Session.wakes + 1, due_at=due_at)
        .execution_options(synchronize_session=False)
    )


async def find(tx: Tx, workspace_id: str, session_id: str, *, locked: bool = False) -> Session:
    """Return a session of the workspace; `locked` keeps it from being claimed or settled meanwhile.

    The one that started it is locked with it, because its end is told there, in the order of their ids.

    Raises:
        NotFound: there is none, or it belongs to another workspace.
    """
    statement = select_of(workspace_id).where(Session.id == session_id)
    if locked:
        starter = select(Session.parent_id).where(Session.id == session_id).scalar_subquery()
        both = select_of(workspace_id).where(or_(Session.id == session_id, Session.id == starter))
        await tx.execute(both.order_by(Session.id).with_for_update(of=Session))
    session = await tx.scalar(statement)
    if session is None:
        raise NotFound("There is no session with this id.")
    return session


async def steps_of(tx: Tx, session: Session) -> list[Step]:
    """Return a session's steps, the first one first."""
    return list(await tx.scalars(select(Step).where(Step.session_id == session.id).order_by(Step.number)))


async def log_of(tx: Tx, session: Session, *, after: int, limit: int) -> list[LogEntry]:
    """Return what a session logged after an entry, the oldest first."""
    statement = select(LogEntry).where(LogEntry.session_id == session.id, LogEntry.seq > after)
    return list(await tx.scalars(statement.order_by(LogEntry.seq).limit(limit)))


async def trigger_names(tx: Tx, trigger_ids: Iterable[str | None]) -> dict[str | None, str]:
    """Return the names of triggers, also of those that are gone."""
    wanted = {trigger_id for trigger_id in trigger_ids if trigger_id is not None}
    rows = await tx.execute(select(Trigger.id, Trigger.name).where(Trigger.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def select_of(workspace_id: str) -> Select[Session]:
    """Return the query of a workspace's sessions."""
    return select(Session).where(Session.workspace_id == workspace_id)


async def triggers_named(tx: Tx, workspace_id: str, name: str) -> list[Trigger]:
    """Return the triggers of a name or an id, also those that are gone."""
    statement = select(Trigger).where(
        Trigger.workspace_id == workspace_id, or_(Trigger.name == name, Trigger.id == name)
    )
    return list(await tx.scalars(statement))
