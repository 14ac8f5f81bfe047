"""`aetherflow events`: publish, look, deliver again."""

import json
from typing import Annotated

import typer

from app.cli.arguments import Cursor, Limit, Since, Until, read_json, require_id
from app.cli.connection import Key, Url, connect
from app.cli.output import Output, print_json, remark
from app.cli.resources.lists import fetch, print_page

group = typer.Typer(name="events", help="Publish events and look at those that were.", no_args_is_help=True)

COLUMNS = (("id", "id"), ("event", "event"), ("published", "created_at"))


@group.command()
def send(
    event: Annotated[str, typer.Argument(metavar="TYPE", help="The event's type, such as invoice.paid.")],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            metavar="JSON|@FILE",
            help="The event's data, sent as it is written; by default the example of a built-in type, else {}.",
        ),
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="An id of yours; the same one publishes once.")
    ] = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Publish an event."""
    text = example_of(event) if data is None else read_json(data, option="--data")
    with connect(url, key) as client:
        answer = client.request("POST", "/events", body=write_event(event, text, id_))
    published = answer.json_object()
    if output == "json":
        print_json(published)
        return
    count = published["deliveries"]
    print(f"Published {published['id']} to {count} {'endpoint' if count == 1 else 'endpoints'}.")
    if answer.headers.get("Idempotent-Replayed"):
        remark("this event had been published before; it is not delivered again.")
    for warning in published.get("warnings") or ():
        remark(warning)


@group.command(name="list")
def list_(
    event: Annotated[str | None, typer.Option("--event", metavar="TYPE", help="Only this type.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """List events, the newest first."""
    query = {"event": event, "since": since, "until": until}
    with connect(url, key) as client:
        page = fetch(client, "/events", limit=limit, cursor=cursor, query=query)
    print_page(page, output, COLUMNS)


@group.command()
def replay(
    event_id: Annotated[str, typer.Argument(metavar="ID", callback=require_id)],
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="ID", help="Only to this endpoint, subscribed or not.")
    ] = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Deliver an event again, to all endpoints that subscribe to it today."""
    with connect(url, key) as client:
        answer = client.events.replay(event_id, endpoint_id=endpoint)
    if output == "json":
        print_json(answer)
    else:
        count = answer["deliveries"]
        print(f"Replayed {event_id}: {count} {'delivery' if count == 1 else 'deliveries'}.")


def example_of(event: str) -> bytes:
    """Return the data that a type is tried out with."""
    from app import catalogue

    known = catalogue.find(event)
    return json.dumps(dict(known.example) if known else {}).encode()


def write_event(event: str, data: bytes, event_id: str | None) -> bytes:
    """Return the request's body, with the data byte by byte as it was given."""
    members = [b'"event":' + json.dumps(event).encode(), b'"data":' + data]
    if event_id is not None:
        members.append(b'"id":' + json.dumps(event_id).encode())
    return b"{" + b",".join(members) + b"}"
