"""`aetherflow sessions`: look, follow, stop, start."""

import json
from typing import Annotated, Any, Literal

import typer

from app.cli.arguments import Cursor, Limit, Since, Until, read_json, require_id
from app.cli.connection import Key, Url, connect
from app.cli.output import (
    Output,
    print_fields,
    print_json,
    print_json_line,
    print_table,
    remark,
    show,
    show_time,
)
from app.cli.resources.lists import fetch, print_page
from app.cli.resources.requests import OfTrigger, OfWorkflow
from app.cli.resources.triggers import find_workflow, find_workflow_id
from app.cli.resources.workflows import Workflow

group = typer.Typer(
    name="sessions", help="Follow the runs of handlers, stop and start them.", no_args_is_help=True
)

COLUMNS = (
    ("id", "id"),
    ("trigger", "trigger"),
    ("call", "call"),
    ("status", "status"),
    ("started", "started_at"),
    ("finished", "finished_at"),
    ("error", "error"),
)

Status = Literal["created", "running", "waiting", "completed", "failed", "stopped"]
SessionId = Annotated[str, typer.Argument(metavar="ID", callback=require_id)]


@group.command(name="list")
def list_(
    workflow: OfWorkflow = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only in this state.")] = None,
    trigger: OfTrigger = None,
    request: Annotated[
        str | None, typer.Option("--request", metavar="ID", help="Only of this request.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """List sessions, the newest first."""
    with connect(url, key) as client:
        query = {
            "workflow_id": find_workflow_id(client, workflow),
            "status": status,
            "trigger": trigger,
            "request_id": request,
            "since": since,
            "until": until,
        }
        page = fetch(client, "/sessions", limit=limit, cursor=cursor, query=query)
    print_page(page, output, COLUMNS)


@group.command(name="show")
def show_one(session_id: SessionId, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Show a session with its steps."""
    with connect(url, key) as client:
        session = client.sessions.get(session_id)
    if output == "json":
        print_json(session)
        return
    steps = session.pop("steps")
    print_fields(session)
    if steps:
        print()
        print_steps(steps)


@group.command(name="log")
def show_log(
    session_id: SessionId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the session has ended.")
    ] = False,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Show what a session said and what happened to it; with --follow and --output json a line each."""
    if follow:
        follow_log(session_id, url, key, output)
        return
    from app.cli.resources.session_log import Log, show_entry

    with connect(url, key) as client:
        entries = list(Log(client, session_id).read())
    if output == "json":
        print_json({"data": entries, "next_cursor": None})
        return
    for entry in entries:
        print(show_entry(entry))


@group.command(name="follow")
def follow_log(session_id: SessionId, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Show what a session says until it has ended, as log --follow does; with --output json a line each."""
    from app.cli.resources.session_log import Log, show_entry

    print_one = print_json_line if output == "json" else lambda entry: print(show_entry(entry), flush=True)
    with connect(url, key) as client:
        try:
            for entry in Log(client, session_id).follow():
                print_one(entry)
        except KeyboardInterrupt:
            return


@group.command()
def stop(
    session_id: SessionId,
    reason: Annotated[
        str | None, typer.Option("--reason", help="What its log and its callers are told.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="End it now, whatever it is doing.")] = False,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Ask a session to end; what it does not heed in time is ended by force."""
    with connect(url, key) as client:
        session = client.sessions.stop(session_id, reason=reason, force=force)
    if output == "json":
        print_json(session)
    else:
        print(f"{'Stopped' if session['finished_at'] else 'Stopping'} {session_id}.")


@group.command()
def rerun(session_id: SessionId, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Start another session with the same request, on what is deployed now."""
    with connect(url, key) as client:
        started = client.sessions.rerun(session_id)
    print_started(started, output)


@group.command()
def start(
    workflow: Workflow,
    trigger: Annotated[
        str | None, typer.Option("--trigger", metavar="NAME", help="Run what this trigger calls.")
    ] = None,
    call: Annotated[
        str | None, typer.Option("--call", metavar="FILE:FUNCTION", help="Run this function.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", metavar="JSON|@FILE", help="An object, which becomes its event.data."),
    ] = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Start a session without a request."""
    given = read_object(data)
    with connect(url, key) as client:
        workflow_id = find_workflow(client, workflow)["id"]
        started = client.workflows.start_session(workflow_id, trigger=trigger, call=call, data=given)
    print_started(started, output)


def read_object(data: str | None) -> dict[str, Any] | None:
    """Return the object that an option gives.

    Raises:
        typer.BadParameter: it gives something else.
    """
    if data is None:
        return None
    value = json.loads(read_json(data, option="--data"))
    if not isinstance(value, dict):
        raise typer.BadParameter("is no JSON object", param_hint="--data")
    return value


def print_steps(steps: list[dict[str, Any]]) -> None:
    """Print the parts of a session's work."""
    print_table(
        ["step", "status", "started", "duration", "error"],
        [
            [
                step["name"],
                step["status"],
                show_time(step["started_at"]),
                "-" if step["duration_ms"] is None else f"{step['duration_ms']} ms",
                step["error"],
            ]
            for step in steps
        ],
    )


def print_started(started: dict[str, Any], output: str) -> None:
    """Print that a session was started."""
    if output == "json":
        print_json(started)
        return
    print(f"Started {started['id']}.")
    remark(f"follow it with `aetherflow sessions log {show(started['id'])} --follow`.")
