"""`aetherflow trigger`: send a request to a trigger, as whoever uses it would."""

import base64
import json
import re
import string
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from app.cli.arguments import read_text
from app.cli.connection import Key, Url, connect
from app.cli.failures import ExitStatus, Failure
from app.cli.output import Output, print_json, remark, show
from app.cli.resources.endpoints import read_header
from app.cli.resources.requests import tell_session
from app.cli.resources.triggers import find_webhook

if TYPE_CHECKING:
    from app.cli.resources.hook_call import Answer

# RFC 9110, 5.6.2: what a method is made of.
METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

REQUEST_ID, SESSION_ID = "AetherFlow-Request-Id", "AetherFlow-Session-Id"


def trigger(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The trigger's name.")],
    method: Annotated[
        str | None,
        typer.Option("--request", "-X", metavar="METHOD", help="Default: the one it waits for, else POST."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", metavar="DATA|@FILE", help="The body, sent byte by byte as it is."),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="A header to send along; repeat it."),
    ] = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Wait for the handler's answer, also of an asynchronous trigger.")
    ] = False,
    workflow: Annotated[
        str | None,
        typer.Option("--workflow", metavar="WORKFLOW", help="Whose trigger, when several have one."),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="SUFFIX", help="What follows the trigger's URL, as in a/b?page=2."),
    ] = None,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Send a request to a trigger and show the answer; exit status 1 when its status is 400 or above.

    Without a header that says otherwise, data that is JSON is sent as application/json.
    """
    if sync and path is not None:
        raise typer.BadParameter("cannot be given beside --path", param_hint="--sync")
    body = None if data is None else read_text(data, option="--data")
    headers = [read_header(text) for text in header or ()]
    with connect(url, key) as client:
        owner, found = find_webhook(client, name, workflow=workflow)
    if not owner["enabled"]:
        remark(f"{owner['name']} is disabled, so its URLs answer 404.")
    verb = choose_method(method, found)
    target = found["url"] + write_suffix("sync" if sync and not found["is_sync"] else path)
    answer = call(target, verb, headers, body)
    if output == "json":
        print_json(describe(answer, target, verb))
    else:
        print_answer(answer)
        tell_of_session(answer)
    if answer.status >= 400:
        raise Failure(f"the answer to {verb} {target} was {answer.status}.")


def choose_method(given: str | None, trigger: dict[str, Any]) -> str:
    """Return the method to send: the one that was asked for, else one that the trigger takes.

    Raises:
        typer.BadParameter: it is no method.
    """
    method = given if given is not None else str(trigger["event_type"] or "post").upper()
    if METHOD.fullmatch(method) is None:
        raise typer.BadParameter("is no method", param_hint="-X")
    return method


def write_suffix(path: str | None) -> str:
    """Return what is put behind a trigger's URL, escaped where a URL needs it."""
    if not path:
        return ""
    # What is ASCII stays as it was written, a `%` too, so that any request can be made.
    escaped = quote(path.encode(errors="surrogateescape"), safe=string.punctuation)
    return escaped if escaped.startswith(("/", "?")) else f"/{escaped}"


def call(target: str, method: str, headers: list[tuple[str, str]], body: bytes | None) -> "Answer":
    """Send the request.

    Raises:
        Failure: there is no answer.
        typer.BadParameter: a header could not be sent.
    """
    from http.client import HTTPException

    from app.cli.resources.hook_call import send

    if body is not None and is_json(body) and not any(name.lower() == "content-type" for name, _ in headers):
        headers = [*headers, ("Content-Type", "application/json")]
    try:
        return send(target, method=method, headers=headers, body=body)
    except (OSError, HTTPException) as error:
        raise Failure(f"no answer from {target}: {error}.", status=ExitStatus.UNREACHABLE) from None
    except ValueError as error:
        raise typer.BadParameter(f"cannot be sent: {error}", param_hint="--header") from None


def is_json(body: bytes) -> bool:
    """Whether data is a JSON text."""
    try:
        json.loads(body.decode())
    except (ValueError, RecursionError):
        return False
    return True


def describe(answer: "Answer", target: str, method: str) -> dict[str, Any]:
    """Return an answer for programs; a body that is no UTF-8 is in `body_base64`."""
    try:
        body = {"body": answer.body.decode()}
    except UnicodeDecodeError:
        body = {"body_base64": base64.b64encode(answer.body).decode()}
    return {
        "method": method,
        "url": target,
        "status_code": answer.status,
        "headers": [list(pair) for pair in answer.headers],
        **body,
        "request_id": answer.header(REQUEST_ID),
        "session_id": answer.header(SESSION_ID),
    }


def print_answer(answer: "Answer") -> None:
    """Print an answer for people; what a terminal would take for commands is spelled out."""
    print(show(f"{answer.status} {answer.reason}"))
    for name, value in answer.headers:
        print(f"{show(name)}: {show(value)}")
    if not answer.body:
        return
    print()
    for line in answer.body.decode(errors="backslashreplace").expandtabs().splitlines():
        print(show(line) if line else "")


def tell_of_session(answer: "Answer") -> None:
    """Say how to find out what became of the request, if it came to a trigger."""
    request_id = answer.header(REQUEST_ID)
    if request_id is not None:
        tell_session(request_id, answer.header(SESSION_ID))


COMMANDS = (trigger,)
