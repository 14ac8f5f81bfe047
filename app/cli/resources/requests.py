"""`aetherflow requests`: what came to triggers, and why something ran or did not."""

from typing import Annotated, Any

import typer

from app.cli.arguments import Cursor, Limit, Since, Until, require_id
from app.cli.connection import Key, Url, connect
from app.cli.output import Output, print_fields, print_json, print_table, remark, show
from app.cli.resources.lists import fetch, print_page
from app.cli.resources.triggers import find_workflow_id

group = typer.Typer(name="requests", help="Look at the requests that came to triggers.", no_args_is_help=True)

COLUMNS = (
    ("id", "id"),
    ("trigger", "trigger"),
    ("method", "method"),
    ("url", "url"),
    ("received", "received_at"),
    ("session", "session_id"),
    ("reason", "reason"),
)

RequestId = Annotated[str, typer.Argument(metavar="ID", callback=require_id)]
OfWorkflow = Annotated[
    str | None, typer.Option("--workflow", metavar="WORKFLOW", help="Only of this workflow (name or id).")
]
OfTrigger = Annotated[
    str | None, typer.Option("--trigger", metavar="NAME", help="Only of triggers with this name.")
]


@group.command(name="list")
def list_(
    workflow: OfWorkflow = None,
    trigger: OfTrigger = None,
    matched: Annotated[
        bool | None,
        typer.Option("--matched/--unmatched", help="Only those that started a session, or only the others."),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """List requests, the newest first."""
    with connect(url, key) as client:
        query = {
            "workflow_id": find_workflow_id(client, workflow),
            "trigger": trigger,
            "matched": matched,
            "since": since,
            "until": until,
        }
        page = fetch(client, "/requests", limit=limit, cursor=cursor, query=query)
    if output == "json":
        print_json(page)
    else:
        rows = [{**row, **match} for row in page["data"] for match in row["matches"]]
        print_page({**page, "data": rows}, output, COLUMNS)


@group.command(name="show")
def show_one(request_id: RequestId, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Show a request as it came, and for its triggers why a session started or did not."""
    with connect(url, key) as client:
        request = client.requests.get(request_id)
    if output == "json":
        print_json(request)
        return
    matches = request.pop("matches")
    print_fields(request)
    print()
    print_matches(matches)


@group.command()
def redispatch(
    request_id: RequestId,
    deployment: Annotated[
        str | None,
        typer.Option("--deployment", metavar="ID", help="What shall handle it; default what is active."),
    ] = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Have a request received once more, as if it came now; nobody gets an answer."""
    with connect(url, key) as client:
        again = client.requests.redispatch(request_id, deployment_id=deployment)
    if output == "json":
        print_json(again)
        return
    print(f"Received again as {again['request_id']}.")
    tell_session(again["request_id"], again["session_id"])


def print_matches(matches: list[dict[str, Any]]) -> None:
    """Print what triggers made of a request."""
    print_table(
        ["trigger", "matched", "session", "reason"],
        [[each["trigger"], each["matched"], each["session_id"], each["reason"]] for each in matches],
    )


def tell_session(request_id: str, session_id: str | None) -> None:
    """Say how to follow what a request started, or how to find out why it started nothing."""
    if session_id is None:
        remark(f"no session started; see why with `aetherflow requests show {show(request_id)}`.")
    else:
        remark(f"follow its session with `aetherflow sessions log {show(session_id)} --follow`.")
