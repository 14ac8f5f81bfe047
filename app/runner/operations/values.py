"""The key-value store of a workflow, whose values are JSON."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking
from app.store.database import Tx
from app.store.models import Session, StoredValue
from app.wiring import Wiring

# The largest value, and the longest list of keys that is returned.
MOST_VALUE_BYTES = 1_048_576
MOST_KEYS = 10_000
LONGEST_KEY = 512


async def use_value(asking: Asking) -> Any:
    """Read or change a value.

    Raises:
        HandlerError: the key or the value does not fit, or there is nothing to add to.
    """
    arguments = asking.arguments
    action, wiring = arguments["action"], asking.performance.stage.wiring
    async with asking.transaction() as (tx, session):
        if action == "list":
            return asking.record(tx, await list_keys(tx, session))
        row = await lock_value(tx, session, check_key(arguments.get("key")), wiring=wiring)
        before = json.loads(row.value)
        result, after = apply(action, before, arguments)
        if after is None:
            await tx.delete(row)
        elif after != before or action == "set":
            row.value, row.updated_at = check_value(after), wiring.clock()
        return asking.record(tx, result)


def apply(action: str, before: Any, arguments: dict[str, Any]) -> tuple[Any, Any]:
    """Return what an action answers and what the value is afterwards; None is no value."""
    given = arguments.get("value")
    if action == "get":
        return before, before
    if action == "set":
        return None, given
    if action == "delete":
        return None, None
    if action == "add":
        if isinstance(before, bool) or not isinstance(before, int | float | None):
            raise HandlerError(f"the value is {type(before).__name__}, and only a number can be added to")
        after = given if before is None else before + given  # type: ignore[operator]
        return after, after
    if action == "check_and_set":
        fits = before == arguments.get("expected")
        return fits, given if fits else before
    raise HandlerError(f"unknown action {action!r}")


async def lock_value(tx: Tx, session: Session, key: str, *, wiring: Wiring) -> StoredValue:
    """Return the row of a key, made if need be, so that who comes at the same time waits."""
    insert = postgresql.insert if tx.get_bind().dialect.name == "postgresql" else sqlite.insert
    await tx.execute(
        insert(StoredValue)
        .values(
            workflow_id=session.workflow_id,
            key=key,
            workspace_id=session.workspace_id,
            value="null",
            updated_at=wiring.clock(),
        )
        .on_conflict_do_nothing()
    )
    statement = select(StoredValue).where(
        StoredValue.workflow_id == session.workflow_id, StoredValue.key == key
    )
    return (await tx.scalars(statement.with_for_update())).one()


async def list_keys(tx: Tx, session: Session) -> list[str]:
    """Return the keys of the workflow, in order."""
    statement = select(StoredValue.key).where(StoredValue.workflow_id == session.workflow_id)
    return list(await tx.scalars(statement.order_by(StoredValue.key).limit(MOST_KEYS)))


def check_key(key: Any) -> str:
    """Return a key that can be one.

    Raises:
        HandlerError: it cannot.
    """
    if not isinstance(key, str) or not key or len(key) > LONGEST_KEY or "\0" in key:
        raise HandlerError(f"a key is text of 1 to {LONGEST_KEY} characters without NUL", kind="ValueError")
    return key


def check_value(value: Any) -> str:
    """Return a value as it is kept.

    Raises:
        HandlerError: it is too large.
    """
    text = json.dumps(value)
    if len(text) > MOST_VALUE_BYTES:
        raise HandlerError(f"a value may have {MOST_VALUE_BYTES} bytes as JSON", kind="ValueError")
    return text
