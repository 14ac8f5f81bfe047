"""Workspaces: create, find."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.errors import Conflict, NotFound, Problem
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
        raise name_taken()
    workspace = Workspace(
        id=make_id("ws", wiring.chance.uuid7()),
        name=name,
        endpoints_version=0,
        created_at=wiring.clock(),
    )
    tx.add(workspace)
    try:
        await tx.flush()
    except IntegrityError:
        # Somebody else took it since we looked.
        raise name_taken() from None
    return workspace


def name_taken() -> Conflict:
    """Return the error for a name that another workspace has."""
    problem = Problem("/name", "is taken", Conflict.code)
    return Conflict("There is a workspace with this name.", problems=[problem])


async def find_by_name(tx: Tx, name: str) -> Workspace | None:
    """Return the workspace with this name or id, if there is one."""
    statement = select(Workspace).where((Workspace.name == name) | (Workspace.id == name))
    found: Workspace | None = await tx.scalar(statement)
    return found


async def require(tx: Tx, name: str) -> Workspace:
    """Return the workspace with this name or id.

    Raises:
        NotFound: there is none.
    """
    workspace = await find_by_name(tx, name)
    if workspace is None:
        raise NotFound("There is no workspace with this name or id.")
    return workspace


async def ensure_default(tx: Tx, *, wiring: Wiring) -> Workspace:
    """Return the default workspace, made at the first start."""
    return await find_by_name(tx, DEFAULT_NAME) or await create(tx, DEFAULT_NAME, wiring=wiring)
