"""`aetherflow vars`: what handlers find in their environment."""

import sys
from typing import Annotated

import typer

from app.cli.arguments import require_id
from app.cli.connection import Key, Url, connect
from app.cli.output import Output, print_json
from app.cli.resources.triggers import find_workflow
from app.cli.resources.workflows import Workflow, print_variables

group = typer.Typer(
    name="vars", help="Set the variables of workflows, secret ones above all.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", callback=require_id, help="The name of a variable.")]


@group.command(name="set")
def set_(
    workflow: Workflow,
    name: Name,
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="VALUE",
            help="Without it, or as -, standard input is read, so that the shell's history has no secret.",
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Set a variable, sealed at rest and never shown again; it beats the manifest's value.

    Of what comes by standard input, one line break at the end is dropped.
    """
    text = read_value(name) if value in (None, "-") else value
    with connect(url, key) as client:
        found = find_workflow(client, workflow)
        try:
            variable = client.workflows.set_var(found["id"], name, text or "")
        except ValueError:
            raise typer.BadParameter("is no UTF-8", param_hint="VALUE") from None
    if output == "json":
        print_json(variable)
    else:
        print(f"Set {name} of {found['name']}.")


@group.command(name="list")
def list_(workflow: Workflow, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """List the variables of a workflow; the values of secret ones are masked."""
    with connect(url, key) as client:
        page = client.workflows.vars(find_workflow(client, workflow)["id"])
    if output == "json":
        print_json({"data": page.data, "next_cursor": None})
    else:
        print_variables(page.data)


@group.command()
def delete(
    workflow: Workflow, name: Name, url: Url = None, key: Key = None, output: Output = "table"
) -> None:
    """Forget what was set for a variable; the manifest's value counts again, if it has one."""
    with connect(url, key) as client:
        found = find_workflow(client, workflow)
        client.workflows.delete_var(found["id"], name)
    if output == "json":
        print_json({"name": name, "deleted": True})
    else:
        print(f"Deleted {name} of {found['name']}.")


def read_value(name: str) -> str:
    """Return a value from standard input; a person types it unseen.

    Raises:
        typer.BadParameter: it is no UTF-8.
    """
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, err=True))
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise typer.BadParameter("is no UTF-8", param_hint="standard input") from None
    return text.removesuffix("\n").removesuffix("\r")
