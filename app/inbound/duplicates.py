"""Requests that a provider sends again: the first one counts for a day."""

import hashlib
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select

from app.inbound.addresses import Address
from app.store.hot.receive_scripts import DEDUPE_KEPT
from app.store.hot.session_rows import NewRequest, NewSession, read_row
from app.store.models import ReceivedRequest, Session
from app.wiring import Wiring


class HeaderLookup(Protocol):
    """Headers by name, whatever the case."""

    def get(self, name: str, /) -> str | None:
        """Return a header, or None."""


@dataclass(frozen=True, slots=True)
class First:
    """The request that came first, and its session."""

    request: NewRequest
    session: NewSession | None


def dedupe_key(header: str | None, headers: HeaderLookup) -> str | None:
    """Return what tells repetitions of a request; None if it cannot be told."""
    value = headers.get(header) if header is not None else None
    return None if not value else hashlib.sha256(value.encode("latin-1", "replace")).hexdigest()


async def find_first(wiring: Wiring, address: Address, key: str) -> First | None:
    """Return the request of this trigger that came with the same key within a day.

    Raises:
        Unavailable: the database is away.
    """
    async with wiring.database.read() as tx:
        row = await tx.scalar(
            select(ReceivedRequest)
            .where(
                ReceivedRequest.trigger_id == address.trigger_id,
                ReceivedRequest.dedupe_key == key,
                ReceivedRequest.received_at > wiring.clock() - DEDUPE_KEPT,
            )
            .order_by(ReceivedRequest.id)
            .limit(1)
        )
        if row is None:
            return None
        session = None if row.session_id is None else await tx.get(Session, row.session_id)
    return First(read_row(NewRequest, row), None if session is None else read_row(NewSession, session))
