"""Commands that run the service: up, serve, worker, migrate."""

import signal
import sys
from typing import Annotated, Any

import typer

from app.cli.event_loop import run
from app.cli.failures import ExitStatus

Host = Annotated[str | None, typer.Option(help="Address to listen on (AETHERFLOW_HOST).")]
Port = Annotated[int | None, typer.Option(help="Port to listen on (AETHERFLOW_PORT).")]


def up(host: Host = None, port: Port = None) -> None:
    """Run everything in one process on SQLite, for production on one machine."""
    end_on_signals()
    from app.cli.serving.embedded import run_up

    run(run_up(given(host=host, port=port)))


def serve(host: Host = None, port: Port = None) -> None:
    """Run the HTTP API on PostgreSQL and Redis; deliveries are made by workers."""
    end_on_signals()
    from app.cli.serving.distributed import run_serve

    run(run_serve(given(host=host, port=port)))


def worker() -> None:
    """Run a worker, which makes deliveries."""
    end_on_signals()
    from app.cli.serving.distributed import run_worker

    run(run_worker())


def migrate() -> None:
    """Bring the database's schema to this version."""
    from app.cli.serving.distributed import run_migrate

    run(run_migrate())


def end_on_signals() -> None:
    """End with exit status 0 when asked to while there is nothing to finish yet: imports take half a second.

    Once the event loop runs, `app.cli.serving.server.stop_event` takes over.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(ExitStatus.OK))


def given(**values: Any) -> dict[str, Any]:
    """Return the flags that were given."""
    return {name: value for name, value in values.items() if value is not None}


COMMANDS = (up, serve, worker, migrate)
