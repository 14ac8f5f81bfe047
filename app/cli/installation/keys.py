"""`aetherflow keys`: API keys, in the database itself."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.event_loop import run
from app.cli.output import Output, print_fields, print_json, print_table, remark, show_time

if TYPE_CHECKING:
    from app.store.models import ApiKey

group = typer.Typer(
    name="keys",
    help="Issue, list and revoke API keys, in the database itself.",
    no_args_is_help=True,
)

LONGEST_NAME = 200

Workspace = Annotated[
    str | None, typer.Option("--workspace", metavar="W", help="Name or id of a workspace; see the command.")
]


@group.command()
def issue(
    name: Annotated[str, typer.Option("--name", metavar="N", help="What the key is for.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            metavar="S",
            help="read, events:write, endpoints:write, workflows:write, admin or operator; repeat it.",
        ),
    ],
    workspace: Workspace = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires", metavar="T", help="When it ends, such as 2027-01-31T00:00:00Z; default never."
        ),
    ] = None,
    output: Output = "table",
) -> None:
    """Issue an API key, of the workspace `default` unless told, and show it this once."""
    expires_at = None if expires is None else read_time(expires)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise typer.BadParameter(f"has 1 to {LONGEST_NAME} characters", param_hint="--name")
    shown = run(issue_key(name, scope, workspace=workspace, expires_at=expires_at))
    if output == "json":
        print_json(shown)
        return
    print_fields(shown)
    remark("keep the key now: it is not shown again.")


@group.command(name="list")
def list_(workspace: Workspace = None, output: Output = "table") -> None:
    """List API keys, of all workspaces unless told, without the keys themselves."""
    rows = run(read_keys(workspace))
    if output == "json":
        print_json({"data": rows, "next_cursor": None})
        return
    print_table(
        ["id", "workspace", "name", "prefix", "scopes", "created", "last used", "state"],
        [
            [
                row["id"],
                row["workspace_id"],
                row["name"],
                row["prefix"],
                row["scopes"],
                show_time(row["created_at"]),
                show_time(row["last_used_at"]),
                state_of(row),
            ]
            for row in rows
        ],
    )


@group.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, key_...")],
    output: Output = "table",
) -> None:
    """Revoke an API key; every process refuses it within a second."""
    shown = run(revoke_key(key_id))
    if output == "json":
        print_json(shown)
    else:
        print(f"Revoked {shown['id']} ({shown['name']}).")


async def issue_key(
    name: str, scopes: list[str], *, workspace: str | None, expires_at: datetime | None
) -> dict[str, Any]:
    """Make a key and return what may be shown of it, the key itself included."""
    from app.cli.installation.direct import open_database
    from app.workspaces import keys, workspaces

    known = set(keys.Scope)
    if unknown := [scope for scope in scopes if scope not in known]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(keys.Scope)}", param_hint="--scope")
    async with open_database(may_create=True) as wiring, wiring.database.write() as tx:
        if workspace is None:
            owner = await workspaces.ensure_default(tx, wiring=wiring)
        else:
            owner = await workspaces.require(tx, workspace)
        row, key = await keys.issue(
            tx,
            name,
            [keys.Scope(scope) for scope in scopes],
            workspace_id=owner.id,
            wiring=wiring,
            expires_at=expires_at,
        )
        return {**show_key(row), "key": key}


async def read_keys(workspace: str | None) -> list[dict[str, Any]]:
    """Return what may be shown of all keys, or those of one workspace, the newest first."""
    from sqlalchemy import select

    from app.cli.installation.direct import open_database
    from app.store.models import ApiKey
    from app.workspaces import keys, workspaces

    async with open_database() as wiring, wiring.database.read() as tx:
        statement = select(ApiKey).where(keys.is_listed(wiring.clock()))
        statement = statement.order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
        if workspace is not None:
            owner = await workspaces.require(tx, workspace)
            statement = statement.where(ApiKey.workspace_id == owner.id)
        return [show_key(row) for row in await tx.scalars(statement)]


async def revoke_key(key_id: str) -> dict[str, Any]:
    """End a key of whatever workspace and return what may be shown of it.

    Raises:
        NotFound: there is no live key with this id.
    """
    from app.cli.installation.direct import open_database
    from app.errors import NotFound
    from app.store.models import ApiKey
    from app.workspaces import keys

    async with open_database() as wiring, wiring.database.write() as tx:
        found = await tx.get(ApiKey, key_id)
        if found is None:
            raise NotFound("There is no API key with this id; see `aetherflow keys list`.")
        return show_key(await keys.revoke(tx, found.workspace_id, key_id, now=wiring.clock()))


def show_key(row: "ApiKey") -> dict[str, Any]:
    """Return what may be shown of a key."""
    return {
        "id": row.id,
        "workspace_id": row.workspace_id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": list(row.scopes),
        "created_at": write_time(row.created_at),
        "expires_at": write_time(row.expires_at),
        "revoked_at": write_time(row.revoked_at),
        "last_used_at": write_time(row.last_used_at),
    }


def state_of(row: dict[str, Any]) -> str:
    """Return whether a key serves."""
    if row["revoked_at"] is not None:
        return f"revoked {show_time(row['revoked_at'])}"
    return "live" if row["expires_at"] is None else f"ends {show_time(row['expires_at'])}"


def write_time(moment: datetime | None) -> str | None:
    """Return a moment as the API writes it."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def read_time(text: str) -> datetime:
    """Return a moment that somebody wrote.

    Raises:
        typer.BadParameter: it is none, or has no time zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter("write a moment with its time zone, as 2027-01-31T00:00:00Z")
    return moment
