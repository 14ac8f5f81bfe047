"""`aetherflow endpoints`: register, look, change, try out."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app.cli.arguments import Cursor, Limit, read_json, require_id
from app.cli.connection import Key, Url, connect
from app.cli.failures import Failure
from app.cli.output import (
    Output,
    print_fields,
    print_json,
    print_table,
    remark,
    show,
    show_milliseconds,
    show_time,
)
from app.cli.resources.lists import fetch

group = typer.Typer(name="endpoints", help="Look after the endpoints of deliveries.", no_args_is_help=True)

EndpointId = Annotated[str, typer.Argument(metavar="ID", callback=require_id)]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="TYPE", help="A subscribed type, or workflow.*; repeat it. None: all."),
]
Description = Annotated[str | None, typer.Option("--description", help="A note for people.")]
Header = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="'NAME: VALUE'", help="A header to send along; repeat it."),
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="For an attempt, 1 to 30.")
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        metavar="JSON|@FILE",
        help='Further members as the API takes them, such as {"retry": {"max_retries": 5}}.',
    ),
]


@group.command(name="list")
def list_(
    limit: Limit = 50, cursor: Cursor = None, url: Url = None, key: Key = None, output: Output = "table"
) -> None:
    """List endpoints, the newest first."""
    with connect(url, key) as client:
        page = fetch(client, "/endpoints", limit=limit, cursor=cursor, query={})
    if output == "json":
        print_json(page)
        return
    rows = [
        [row["id"], row["url"], row["events"] or "all", show_state(row), show_time(row["created_at"])]
        for row in page["data"]
    ]
    print_table(["id", "url", "events", "state", "registered"], rows)
    if page["next_cursor"]:
        remark(f"there are more: --cursor {page['next_cursor']}")


@group.command(name="show")
def show_one(endpoint_id: EndpointId, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Show an endpoint; its secret is not shown again."""
    with connect(url, key) as client:
        endpoint = client.endpoints.get(endpoint_id)
    print_endpoint(endpoint, output)


@group.command()
def create(
    destination: Annotated[str, typer.Argument(metavar="DESTINATION", help="The URL to deliver to.")],
    event: Events = None,
    description: Description = None,
    header: Header = None,
    timeout: Timeout = None,
    data: Data = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Register an endpoint and show its secret, this once."""
    members = read_members(event, description=description, header=header, timeout=timeout, data=data)
    with connect(url, key) as client:
        body = json.dumps({**members, "url": destination}).encode()
        endpoint = client.request("POST", "/endpoints", body=body).json_object()
    print_endpoint(endpoint, output)
    if output == "table":
        remark("keep the secret now: it is not shown again.")


@group.command()
def update(
    endpoint_id: EndpointId,
    destination: Annotated[
        str | None, typer.Option("--destination", metavar="URL", help="The URL to deliver to.")
    ] = None,
    event: Events = None,
    description: Description = None,
    header: Header = None,
    timeout: Timeout = None,
    data: Data = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Change what is named and leave the rest; in --data, null resets a member to its default."""
    members = read_members(event, description=description, header=header, timeout=timeout, data=data)
    if destination is not None:
        members["url"] = destination
    if not members:
        raise typer.BadParameter("name at least one thing to change", param_hint="--data")
    with connect(url, key) as client:
        body = json.dumps(members).encode()
        endpoint = client.request(
            "PATCH", f"/endpoints/{quote(endpoint_id, safe='')}", body=body
        ).json_object()
    print_endpoint(endpoint, output)


@group.command()
def delete(endpoint_id: EndpointId, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Delete an endpoint and cancel what waits for it; its deliveries stay readable."""
    with connect(url, key) as client:
        client.endpoints.delete(endpoint_id)
    if output == "json":
        print_json({"id": endpoint_id, "deleted": True})
    else:
        print(f"Deleted {endpoint_id}.")


@group.command()
def enable(endpoint_id: EndpointId, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Let an endpoint have deliveries again, those first that were held meanwhile."""
    with connect(url, key) as client:
        endpoint = client.endpoints.enable(endpoint_id)
    print_state(endpoint, output)


@group.command()
def disable(endpoint_id: EndpointId, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Hold an endpoint's deliveries until it is enabled again."""
    with connect(url, key) as client:
        endpoint = client.endpoints.disable(endpoint_id)
    print_state(endpoint, output)


@group.command(name="test")
def send_test(
    endpoint_id: EndpointId,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="TYPE", help="Whose example to send; default workflow.completed."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the attempt.")] = True,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Send a test event, even to a disabled endpoint; exit status 1 when the attempt fails."""
    with connect(url, key) as client:
        sent = client.endpoints.test(endpoint_id, event, wait=wait)
    attempt = sent.get("attempt")
    if output == "json":
        print_json(sent)
    else:
        print(f"Sent {sent['event_id']} as delivery {sent['delivery_id']}.")
        if attempt is not None:
            print(f"{endpoint_id} answered: {show_attempt(attempt)}.")
    if attempt is not None and attempt["result"] != "2xx":
        raise Failure(f"the attempt failed: {show_attempt(attempt)}.")
    if wait and attempt is None:
        raise Failure(f"no attempt was made in time; see `aetherflow deliveries show {sent['delivery_id']}`.")


def read_members(
    event: list[str] | None,
    *,
    description: str | None,
    header: list[str] | None,
    timeout: float | None,
    data: str | None,
) -> dict[str, Any]:
    """Return an endpoint's members as the options give them, which beat those of `--data`.

    Raises:
        typer.BadParameter: the data is no JSON object, or a header has no colon.
    """
    members = json.loads(read_json(data, option="--data")) if data is not None else {}
    if not isinstance(members, dict):
        raise typer.BadParameter("is no JSON object", param_hint="--data")
    if event:
        members["events"] = event
    if description is not None:
        members["description"] = description
    if header:
        members["headers"] = dict(map(read_header, header))
    if timeout is not None:
        members["timeout_seconds"] = timeout
    return members


def read_header(text: str) -> tuple[str, str]:
    """Return name and value of a header as it is written in HTTP."""
    name, colon, value = text.partition(":")
    if not colon:
        raise typer.BadParameter("write it as 'NAME: VALUE'", param_hint="--header")
    return name.strip(), value.strip()


def print_endpoint(endpoint: dict[str, Any], output: str) -> None:
    """Print a whole endpoint."""
    if output == "json":
        print_json(endpoint)
        return
    warnings = endpoint.pop("warnings", [])
    print_fields(endpoint)
    for warning in warnings:
        remark(warning)


def print_state(endpoint: dict[str, Any], output: str) -> None:
    """Print whether an endpoint takes deliveries."""
    if output == "json":
        print_json(endpoint)
    else:
        print(f"{endpoint['id']} is {show_state(endpoint)}.")


def show_state(endpoint: dict[str, Any]) -> str:
    """Return whether an endpoint takes deliveries, and if not, why."""
    return "enabled" if endpoint["enabled"] else f"disabled ({show(endpoint['disabled_reason'])})"


def show_attempt(attempt: dict[str, Any]) -> str:
    """Return how an attempt went."""
    said = attempt["status_code"] or attempt["error"] or attempt["result"]
    return f"{show(said)} after {show_milliseconds(attempt['duration_ms'])}"
