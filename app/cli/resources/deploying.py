"""`aetherflow deploy`: bring a folder's workflow to the service."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.connection import Key, Url, connect
from app.cli.output import Output, print_json, print_table, remark
from app.cli.resources.triggers import print_triggers


def deploy(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The folder with aetherflow.yaml in it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, and say what would change.")
    ] = False,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Deploy a folder as a workflow; the same files again change nothing.

    Left out are .git, .venv, node_modules, __pycache__, *.pyc and .aetherflow. Nothing changes unless everything is
    right; every mistake is told with its file and line.
    """
    files = read_files(path)
    with connect(url, key) as client:
        deployed = client.workflows.deploy(files, dry_run=dry_run)
    if output == "json":
        print_json(deployed)
        return
    print(summarise(deployed, is_dry_run=dry_run))
    if changes := [change for change in deployed["plan"] if change["action"] != "keep"]:
        print()
        print_table(
            ["action", "kind", "name"],
            [[change["action"], change["kind"], change["name"]] for change in changes],
        )
    if deployed["triggers"]:
        print()
        print_triggers(deployed["triggers"])
    for warning in deployed["warnings"]:
        remark(warning)


def read_files(path: Path) -> dict[str, bytes]:
    """Return the files to deploy.

    Raises:
        typer.BadParameter: it is no folder, or cannot be read.
        MalformedArchive, TooLarge: see `app.cli.resources.folders`.
    """
    from app.cli.resources.folders import read_folder

    if not path.is_dir():
        raise typer.BadParameter(f"{path} is no folder", param_hint="PATH")
    try:
        return read_folder(path)
    except OSError as error:
        raise typer.BadParameter(
            f"cannot read {error.filename}: {error.strerror}", param_hint="PATH"
        ) from None


def summarise(deployed: dict[str, Any], *, is_dry_run: bool) -> str:
    """Return in a line what a deployment did, or would do."""
    workflow = next(change for change in deployed["plan"] if change["kind"] == "workflow")
    name = workflow["name"]
    if is_dry_run:
        verb = "be created" if workflow["action"] == "create" else "change"
        return f"{name} would {verb}." if deployed["changed"] else f"{name} would not change."
    version = deployed["deployment"]["version"]
    if deployed["changed"]:
        return f"Deployed {name}, version {version} ({deployed['workflow']['id']})."
    return f"Nothing changed: {name} is at version {version} ({deployed['workflow']['id']})."


COMMANDS = (deploy,)
