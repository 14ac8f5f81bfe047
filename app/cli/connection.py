"""The server that commands talk to, and the key that they show it.

The server is `--url`, else AETHERFLOW_URL, PUBLIC_URL, the address that `dev` noted in the data folder when its
port had to move, or the configured port of this machine. The key is `--key`, else AETHERFLOW_API_KEY,
BOOTSTRAP_API_KEY, or the one that `dev` keeps in the data folder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.failures import ExitStatus, Failure, show_problem
from app.errors import Misconfigured

if TYPE_CHECKING:
    from aetherflow.webhooks import ApiError, Client

    from app.settings import Settings

# What `dev` leaves in the data folder for the commands beside it.
KEY_FILE = "api-key"
ADDRESS_FILE = "address"

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The server (AETHERFLOW_URL; default PUBLIC_URL, else this machine's PORT).",
    ),
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="The API key (AETHERFLOW_API_KEY; default BOOTSTRAP_API_KEY)."),
]


@contextmanager
def connect(url: str | None, key: str | None) -> Iterator["Client"]:
    """Give a client of the API; what the API refuses inside the block becomes a `Failure`.

    Raises:
        Failure: the server is away or refuses something.
        Misconfigured: there is no key, or the URL is none.
    """
    from aetherflow.webhooks import ApiError, Client

    from app.settings import read_settings

    settings = read_settings()
    server = url or find_server(settings)
    try:
        client = Client(server, key or find_key(settings))
    except ValueError as error:
        given = "--url, --key" if url or key else "AETHERFLOW_URL, AETHERFLOW_API_KEY"
        status = ExitStatus.USAGE if url or key else ExitStatus.CONFIGURATION
        raise Failure(f"{given}: {error}.", status=status) from None
    with client:
        try:
            yield client
        except ApiError as error:
            raise to_failure(error, server) from None


def find_server(settings: "Settings") -> str:
    """Return where the service is, without `/api/v1`."""
    noted = None if "port" in settings.model_fields_set else read_note(settings, ADDRESS_FILE)
    return settings.url or settings.public_url or noted or f"http://127.0.0.1:{settings.port}"


def find_key(settings: "Settings") -> str:
    """Return the API key to send.

    Raises:
        Misconfigured: nobody said.
    """
    given = settings.api_key or settings.bootstrap_api_key
    key = given.get_secret_value() if given else read_note(settings, KEY_FILE)
    if not key:
        raise Misconfigured("AETHERFLOW_API_KEY: is required here; set it or give --key.")
    return key


def read_note(settings: "Settings", name: str) -> str | None:
    """Return what a small file of the data folder says, if there is such a file."""
    folder = existing_folder(settings)
    try:
        return (folder / name).read_text().strip() if folder else None
    except OSError:
        return None


def existing_folder(settings: "Settings") -> Path | None:
    """Return the folder of the SQLite file; None with another database."""
    from app.store.address import Address

    path = Address.parse(settings.database_url.get_secret_value()).path
    return None if path is None else path.parent


def to_failure(error: "ApiError", server: str) -> Failure:
    """Return what a person should read of an error of the API."""
    from aetherflow.webhooks import UnauthenticatedError, UnavailableError, UnreachableError

    details = [
        show_problem(each.message, path=each.path, file=each.file, line=each.line) for each in error.errors
    ]
    if isinstance(error, UnreachableError):
        message = f"cannot reach {server}: {to_line(error)}; start the service, or name another with --url."
        return Failure(message, status=ExitStatus.UNREACHABLE)
    if isinstance(error, UnavailableError):
        return Failure(f"{server} cannot answer now: {to_line(error)}.", status=ExitStatus.UNREACHABLE)
    if isinstance(error, UnauthenticatedError):
        return Failure(f"{server} does not know this API key; give a live one with --key.")
    wait = f"; wait {error.retry_after:g} s" if error.retry_after else ""
    return Failure(f"{to_line(error)}{wait}.", details=details)


def to_line(error: "ApiError") -> str:
    """Return an error of the API without a full stop, for people, and its code, for searching."""
    return f"{error.detail.rstrip('.')} ({error.code})"
