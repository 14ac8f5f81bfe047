"""Workspaces: create, find."""

from sqlalchemy import select

from app.errors import Conflict, Problem
from app.rules.ids import make_id
from app.store.database import Tx
from app.store.models import Workspace
from app.wiring import Wiring

# The workspace of the bootstrap key and of a service that has only one.
DEFAULT_NAME = "default"


async def create(tx: Tx, name: str, *, wiring: Wiring) -> Workspace:
    """Make a workspace.

    Raises:
        Conflict: the name is taken.
    """
    if await find_by_name(tx, name) is not None:
        raise Conflict("There is a workspace with this name.", problems=[Problem("/name", "is taken")])
    workspace = Workspace(
        id=make_id("ws", wiring.chance.uuid7()),
        name=name,
        endpoints_version=0,
        created_at=wiring.clock(),
    )
    tx.add(workspace)
    await tx.flush()
    return workspace


async def find_by_name(tx: Tx, name: str) -> Workspace | None:
    """Return the workspace with this name or id, if there is one."""
    statement = select(Workspace).where((Workspace.name == name) | (Workspace.id == name))
    found: Workspace | None = await tx.scalar(statement)
    return found


async def ensure_default(tx: Tx, *, wiring: Wiring) -> Workspace:
    """Return the default workspace, made at the first start."""
    return await find_by_name(tx, DEFAULT_NAME) or await create(tx, DEFAULT_NAME, wiring=wiring)
