"""`aetherflow workspaces`: tenants, in the database itself."""

from typing import Annotated, Any

import typer

from app.cli.event_loop import run
from app.cli.installation.keys import LONGEST_NAME, write_time
from app.cli.output import Output, print_fields, print_json, print_table, remark, show_time

group = typer.Typer(
    name="workspaces", help="Create and list workspaces, in the database itself.", no_args_is_help=True
)


@group.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Another one than the workspaces have so far.")],
    output: Output = "table",
) -> None:
    """Create a workspace with a first API key of the scope admin, and show that key this once."""
    if not 1 <= len(name) <= LONGEST_NAME:
        raise typer.BadParameter(f"has 1 to {LONGEST_NAME} characters", param_hint="NAME")
    created = run(create_workspace(name))
    if output == "json":
        print_json(created)
        return
    print_fields(created)
    remark("keep the key now: it is not shown again.")


@group.command(name="list")
def list_(output: Output = "table") -> None:
    """List workspaces, the oldest first."""
    rows = run(read_workspaces())
    if output == "json":
        print_json({"data": rows, "next_cursor": None})
    else:
        cells = [[row["id"], row["name"], show_time(row["created_at"])] for row in rows]
        print_table(["id", "name", "created"], cells)


async def create_workspace(name: str) -> dict[str, Any]:
    """Make a workspace with its first key.

    Raises:
        Conflict: the name is taken.
    """
    from app.cli.installation.direct import open_database
    from app.workspaces import keys, workspaces

    async with open_database(may_create=True) as wiring, wiring.database.write() as tx:
        workspace = await workspaces.create(tx, name, wiring=wiring)
        _, key = await keys.issue(tx, "first", [keys.Scope.ADMIN], workspace_id=workspace.id, wiring=wiring)
        return {"workspace_id": workspace.id, "api_key": key}


async def read_workspaces() -> list[dict[str, Any]]:
    """Return all workspaces."""
    from sqlalchemy import select

    from app.cli.installation.direct import open_database
    from app.store.models import Workspace

    async with open_database() as wiring, wiring.database.read() as tx:
        rows = await tx.scalars(select(Workspace).order_by(Workspace.created_at, Workspace.id))
        return [{"id": row.id, "name": row.name, "created_at": write_time(row.created_at)} for row in rows]
