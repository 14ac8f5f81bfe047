"""`aetherflow verify`: explains a signature step by step."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.arguments import read_file, read_text
from app.cli.connection import Key, Url, connect
from app.cli.event_loop import run
from app.cli.failures import ExitStatus, Failure
from app.cli.output import Output, print_json

if TYPE_CHECKING:
    from app.cli.verification.signature_parts import Received
    from app.cli.verification.signature_report import Explanation

# What HTTP clients print around headers: request and status lines, and the marks of `curl -v`.
_NO_HEADER = re.compile(r"(\S+ \S+ )?HTTP/[\d.]+\b.*")
_MARKED = re.compile(r"[<>] ?(.*)")


def verify(
    secret: Annotated[
        list[str] | None,
        typer.Option(
            "--secret",
            metavar="S|@FILE",
            help="The endpoint's secret (whsec_) or public key (whpk_); repeat it while one is being replaced.",
        ),
    ] = None,
    headers: Annotated[
        Path | None,
        typer.Option(
            "--headers", metavar="FILE", help="The request's headers, as lines or as a JSON object."
        ),
    ] = None,
    body: Annotated[
        Path | None, typer.Option("--body", metavar="FILE", help="The request's body, byte by byte.")
    ] = None,
    delivery: Annotated[
        str | None,
        typer.Option(
            "--delivery",
            metavar="ID",
            help="Look at what was sent instead; without --secret with the endpoint's own, from the database.",
        ),
    ] = None,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, help="Which attempt of the delivery; default the last.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, metavar="SECONDS", help="How old a signature may be.")
    ] = 300,
    url: Url = None,
    key: Key = None,
    output: Output = "table",
) -> None:
    """Explain step by step whether a request is genuine, and if not, what is probably wrong."""
    import time

    from app.cli.verification.signature_report import explain

    secrets = [read_text(one, option="--secret").decode(errors="replace") for one in secret or ()]
    if delivery is not None and headers is None and body is None:
        received, endpoint_id = fetch_attempt(delivery, attempt, url=url, key=key)
        secrets = secrets or run(open_secrets(endpoint_id))
        # A stored attempt is judged as of the moment it was made.
        now = time.time() if received.timestamp is None else float(received.timestamp)
    elif delivery is None and secrets and headers is not None and body is not None:
        received = read_request(headers, body)
        now = time.time()
    else:
        message = "give --secret, --headers and --body; or --delivery, with or without --secret."
        raise Failure(message, status=ExitStatus.USAGE)
    explanation = explain(secrets, received, now=now, tolerance_seconds=tolerance)
    if output == "json":
        print_json(asdict(explanation))
    else:
        print_explanation(explanation)
    if not explanation.is_genuine:
        raise typer.Exit(ExitStatus.FAILED)


def print_explanation(explanation: "Explanation") -> None:
    """Print the steps, the verdict, and what to do."""
    for step in explanation.steps:
        print(f"{step.status:<4}  {step.name}: {step.text}")
    print("Genuine." if explanation.is_genuine else f"Refused: {explanation.reason}.")
    if explanation.cause is not None:
        print(explanation.cause.text)
        print(explanation.cause.remedy)


def read_request(headers: Path, body: Path) -> "Received":
    """Return a request that was saved in two files."""
    from app.cli.verification.signature_parts import Received

    lines = read_file(str(headers), option="--headers").decode("latin-1")
    return Received(read_headers(lines), read_file(str(body), option="--body"))


def fetch_attempt(
    delivery_id: str, number: int | None, *, url: str | None, key: str | None
) -> tuple["Received", str]:
    """Return what was sent in an attempt, and to which endpoint.

    Raises:
        Failure: there was no such attempt.
    """
    from app.cli.verification.signature_parts import Received

    with connect(url, key) as client:
        delivery = client.deliveries.get(delivery_id)
        attempts: list[dict[str, Any]] = delivery["attempts"]
        found = [one for one in attempts if number in (None, one["number"])]
        if not found:
            raise Failure(f"the delivery has {len(attempts)} attempts, and not the one to look at.")
        body = client.events.get(delivery["event_id"])["body"].encode()
    sent = found[-1]["request_headers"]
    return Received([(name.lower(), value) for name, value in sent.items()], body), delivery["endpoint_id"]


async def open_secrets(endpoint_id: str) -> list[str]:
    """Return what verifies an endpoint's deliveries, from the database.

    Raises:
        Misconfigured: the database cannot be opened from here.
        Failure: it has no such endpoint.
    """
    from app.cli.installation.direct import open_database
    from app.cli.verification.endpoint_secrets import read_secrets

    async with open_database() as wiring, wiring.database.read() as tx:
        secrets = await read_secrets(tx, endpoint_id, wiring=wiring)
    if not secrets:
        raise Failure("the database of this machine has no such endpoint; give its secret with --secret.")
    return secrets


def read_headers(text: str) -> list[tuple[str, str]]:
    """Return headers from lines as HTTP has them, or from JSON; names in lower case.

    Raises:
        typer.BadParameter: they are neither.
    """
    if text.lstrip().startswith("{"):
        try:
            given = json.loads(text)
        except ValueError as error:
            raise typer.BadParameter(f"is no JSON: {error}", param_hint="--headers") from None
        pairs = ((name, value) for name, values in given.items() for value in as_list(values))
        return [(name.lower(), str(value)) for name, value in pairs]
    headers = []
    for number, line in enumerate(text.splitlines(), 1):
        marked = _MARKED.fullmatch(line)
        line = marked[1] if marked else line
        if not line.strip() or _NO_HEADER.fullmatch(line):
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise typer.BadParameter(f"line {number} is no header", param_hint="--headers")
        headers.append((name.strip().lower(), value.strip()))
    return headers


def as_list(values: Any) -> list[Any]:
    """Return the values of a header that some frameworks write alone and some as a list."""
    return values if isinstance(values, list) else [values]


COMMANDS = (verify,)
