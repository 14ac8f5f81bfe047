"""`aetherflow workflows`: look, switch on and off, delete."""

from typing import Annotated, Any

import typer

from app.cli.arguments import Cursor, Limit, require_id
from app.cli.connection import Key, Url, connect
from app.cli.output import Output, print_fields, print_json, print_table, show_time
from app.cli.resources.lists import fetch, print_page
from app.cli.resources.triggers import find_workflow, print_triggers

group = typer.Typer(name="workflows", help="Look after workflows; `deploy` makes them.", no_args_is_help=True)

COLUMNS = (
    ("id", "id"),
    ("name", "name"),
    ("enabled", "enabled"),
    ("deployment", "active_deployment_id"),
    ("changed", "updated_at"),
)

Workflow = Annotated[
    str, typer.Argument(metavar="WORKFLOW", callback=require_id, help="The name or the id of a workflow.")
]


@group.command(name="list")
def list_(
    limit: Limit = 50, cursor: Cursor = None, url: Url = None, key: Key = None, output: Output = "table"
) -> None:
    """List workflows, the newest first."""
    with connect(url, key) as client:
        page = fetch(client, "/workflows", limit=limit, cursor=cursor, query={})
    print_page(page, output, COLUMNS)


@group.command(name="show")
def show_one(workflow: Workflow, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Show a workflow with its triggers and their URLs, its newest deployments and its variables."""
    with connect(url, key) as client:
        found = client.workflows.get(find_workflow(client, workflow)["id"])
    if output == "json":
        print_json(found)
        return
    triggers, deployments, variables = (found.pop(name) for name in ("triggers", "deployments", "vars"))
    print_fields(found)
    if triggers:
        print()
        print_triggers(triggers)
    if deployments:
        print()
        print_table(
            ["deployment", "version", "status", "deployed"],
            [[row["id"], row["version"], row["status"], show_time(row["created_at"])] for row in deployments],
        )
    if variables:
        print()
        print_variables(variables)


@group.command()
def enable(workflow: Workflow, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Let a workflow's triggers take requests, and its schedules fire."""
    switch(workflow, is_on=True, url=url, key=key, output=output)


@group.command()
def disable(workflow: Workflow, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Have a workflow's URLs answer 404, and its schedules rest, until it is enabled again."""
    switch(workflow, is_on=False, url=url, key=key, output=output)


@group.command()
def delete(workflow: Workflow, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Delete a workflow for good with its URLs; sessions that have begun go on to their end."""
    with connect(url, key) as client:
        found = find_workflow(client, workflow)
        client.workflows.delete(found["id"])
    if output == "json":
        print_json({"id": found["id"], "deleted": True})
    else:
        print(f"Deleted {found['name']} ({found['id']}).")


def switch(workflow: str, *, is_on: bool, url: str | None, key: str | None, output: str) -> None:
    """Enable or disable a workflow, and say so."""
    with connect(url, key) as client:
        workflow_id = find_workflow(client, workflow)["id"]
        change = client.workflows.enable if is_on else client.workflows.disable
        changed = change(workflow_id)
    if output == "json":
        print_json(changed)
    else:
        print(f"{changed['name']} is {'enabled' if changed['enabled'] else 'disabled'}.")


def print_variables(variables: list[dict[str, Any]]) -> None:
    """Print variables, secret ones masked as the API does."""
    print_table(
        ["variable", "value", "secret", "set", "description"],
        [
            [row["name"], row["value"], row["secret"], show_time(row["updated_at"]), row["description"]]
            for row in variables
        ],
    )
