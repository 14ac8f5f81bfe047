"""All sealed values in the database: which keys they need, and sealing them again under the newest."""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from app.store.database import Database, Tx
from app.store.models import BillingProfile, Endpoint, EndpointSecret, Integration, WorkflowVar
from app.store.sealing import Keyring, key_id_of, seal_context

# Every sealed column with the purpose that its context names. One line a column.
SEALED: tuple[tuple[InstrumentedAttribute[Any], str], ...] = (
    (EndpointSecret.sealed_secret, "secret"),
    (EndpointSecret.sealed_ed25519, "ed25519"),
    (Endpoint.sealed_headers, "headers"),
    (WorkflowVar.sealed_value, "var"),
    (Integration.sealed_credentials, "credentials"),
    (BillingProfile.sealed_payments_secret, "payments"),
)

# Rows sealed again in one transaction, so that a rewrap of many holds nothing up.
BATCH_ROWS = 200


async def require_keys(database: Database, keyring: Keyring) -> None:
    """Make sure that the keyring opens everything.

    Raises:
        Misconfigured: a key is missing; its id is named.
    """
    async with database.read() as tx:
        keyring.require({key_id async for key_id in key_ids(tx)})


async def key_ids(tx: Tx) -> AsyncIterator[str]:
    """Yield the key id of each sealed value."""
    for column, _ in SEALED:
        async for sealed in await tx.stream_scalars(select(column).where(column.is_not(None))):
            yield key_id_of(sealed)


async def rewrap(database: Database, keyring: Keyring) -> int:
    """Seal every value under the first key of the ring; returns how many were not yet.

    It can be stopped and run again at any time: what is done is done.
    """
    count = 0
    for column, purpose in SEALED:
        last = ""
        while True:
            async with database.write() as tx:
                rows = await take_batch(tx, column, after=last)
                for row in rows:
                    count += rewrap_row(row, column, purpose, keyring)
            if not rows:
                break
            last = rows[-1].id
    return count


async def take_batch(tx: Tx, column: InstrumentedAttribute[Any], *, after: str) -> list[Any]:
    """Return the next rows that have a sealed value in a column, locked."""
    table = column.class_
    statement = select(table).where(column.is_not(None), table.id > after)
    rows = await tx.scalars(statement.order_by(table.id).limit(BATCH_ROWS).with_for_update())
    return list(rows)


def rewrap_row(row: Any, column: InstrumentedAttribute[Any], purpose: str, keyring: Keyring) -> int:
    """Seal one value again if another key than the first one sealed it; returns 1 if so."""
    sealed = getattr(row, column.key)
    if not keyring.needs_rewrap(sealed):
        return 0
    context = seal_context(row.workspace_id, row.id, purpose)
    setattr(row, column.key, keyring.seal(keyring.open(sealed, context=context), context=context))
    return 1
