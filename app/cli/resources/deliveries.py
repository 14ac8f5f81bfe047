"""`aetherflow deliveries`: look, try again, give up, watch."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli.arguments import Cursor, Limit, Since, Until, require_id, require_ids
from app.cli.connection import Key, Url, connect, to_line
from app.cli.failures import Failure
from app.cli.output import (
    Output,
    print_fields,
    print_json,
    print_json_line,
    print_table,
    show_milliseconds,
    show_time,
)
from app.cli.resources.lists import fetch, print_page

if TYPE_CHECKING:
    from aetherflow.webhooks import Client

group = typer.Typer(name="deliveries", help="Follow deliveries and try them again.", no_args_is_help=True)

COLUMNS = (
    ("id", "id"),
    ("event", "event"),
    ("endpoint", "endpoint_id"),
    ("status", "status"),
    ("attempts", "attempt_count"),
    ("next attempt", "next_attempt_at"),
    ("created", "created_at"),
)

Status = Literal["pending", "succeeded", "failed", "cancelled"]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", callback=require_ids)]
Endpoint = Annotated[str | None, typer.Option("--endpoint", metavar="ID", help="Only to this endpoint.")]


@group.command(name="list")
def list_(
    status: Annotated[Status | None, typer.Option("--status", help="Only in this state.")] = None,
    endpoint: Endpoint = None,
    event: Annotated[str | None, typer.Option("--event", metavar="TYPE", help="Only of this type.")] = None,
    event_id: Annotated[
        str | None, typer.Option("--event-id", metavar="ID", help="Only of this event.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """List deliveries, the newest first."""
    query = {
        "status": status,
        "endpoint_id": endpoint,
        "event": event,
        "event_id": event_id,
        "since": since,
        "until": until,
    }
    with connect(url, key) as client:
        page = fetch(client, "/deliveries", limit=limit, cursor=cursor, query=query)
    print_page(page, output, COLUMNS)


@group.command(name="show")
def show_one(
    delivery_id: Annotated[str, typer.Argument(metavar="ID", callback=require_id)],
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Show a delivery with its attempts; --output json has their headers and bodies too."""
    with connect(url, key) as client:
        delivery = client.deliveries.get(delivery_id)
    if output == "json":
        print_json(delivery)
        return
    attempts = delivery.pop("attempts")
    print_fields(delivery)
    print()
    print_attempts(attempts)


@group.command()
def retry(ids: Ids, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Try deliveries now: pending ones early, finished ones exactly once more."""
    with connect(url, key) as client:
        act_on_each(client, ids, client.deliveries.retry, done="Trying", output=output)


@group.command()
def cancel(ids: Ids, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Give pending deliveries up."""
    with connect(url, key) as client:
        act_on_each(client, ids, client.deliveries.cancel, done="Cancelled", output=output)


@group.command()
def tail(endpoint: Endpoint = None, url: Url = None, key: Key = None, output: Output = "table") -> None:
    """Show deliveries as they are made and change, until Ctrl-C; with --output json a line each."""
    from app.cli.resources.tailing import follow, show_line

    print_one = print_json_line if output == "json" else lambda row: print(show_line(row), flush=True)
    with connect(url, key) as client:
        try:
            follow(client, endpoint_id=endpoint, tell=print_one)
        except KeyboardInterrupt:
            # The way out that was announced.
            return


def act_on_each(
    client: "Client", ids: Sequence[str], act: Callable[[str], dict[str, Any]], *, done: str, output: str
) -> None:
    """Do something to each delivery; one that cannot be done does not keep the others from it.

    Raises:
        Failure: at least one could not be done.
        ApiError: the server cannot be reached.
    """
    from aetherflow.webhooks import ConflictError, NotFoundError

    rows, refusals = [], []
    for delivery_id in ids:
        try:
            rows.append(act(delivery_id))
        except (ConflictError, NotFoundError) as error:
            refusals.append(f"{delivery_id}: {to_line(error)}")
        else:
            if output == "table":
                print(f"{done} {delivery_id}.")
    if output == "json":
        print_json({"data": rows})
    if refusals:
        raise Failure(f"{len(refusals)} of {len(ids)} could not be done.", details=refusals)


def print_attempts(attempts: Sequence[dict[str, Any]]) -> None:
    """Print what was tried, a line an attempt."""
    if not attempts:
        print("No attempt has been made yet.")
        return
    rows = [
        [
            attempt["number"],
            show_time(attempt["started_at"]),
            attempt["result"],
            attempt["status_code"],
            show_milliseconds(attempt["duration_ms"]),
            attempt["peer"],
            attempt["error"],
        ]
        for attempt in attempts
    ]
    print_table(["attempt", "started", "result", "status", "took", "peer", "error"], rows)
