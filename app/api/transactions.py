"""Transactions as dependencies: committed, or rolled back, before the answer is sent."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from app.store.database import Tx
from app.wiring import Wiring


def wiring_of(request: Request) -> Wiring:
    """Return the parts of this process."""
    wiring: Wiring = request.app.state.wiring
    return wiring


async def give_wiring(request: Request) -> Wiring:
    """Return the parts of this process, as a dependency."""
    return wiring_of(request)


async def read_transaction(request: Request) -> AsyncIterator[Tx]:
    """One snapshot for a GET."""
    async with wiring_of(request).database.read() as tx:
        yield tx


async def write_transaction(request: Request) -> AsyncIterator[Tx]:
    """One transaction for a request that changes something."""
    async with wiring_of(request).database.write() as tx:
        yield tx


Parts = Annotated[Wiring, Depends(give_wiring)]

# With the default scope the answer would go out before the commit, and a commit that fails would answer 200.
ReadTx = Annotated[Tx, Depends(read_transaction, scope="function")]
WriteTx = Annotated[Tx, Depends(write_transaction, scope="function")]
