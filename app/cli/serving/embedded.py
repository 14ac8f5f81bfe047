"""Wiring 1 as a process: API and delivery on one SQLite file."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from app.cli.serving.front_page import Place, render_front_page
from app.cli.serving.parts import data_folder, make_wiring, own_folder, prepare
from app.cli.serving.server import bind, make_server, serve_until, stop_event, url_of
from app.queue import LocalQueue
from app.runner.performer import Performer
from app.settings import Settings, read_settings
from app.store.migrations import migrate
from app.store.sealed_rows import require_keys
from app.telemetry import configure_logs
from app.wiring import Wiring
from delivery.local import start_local_delivery, stop_local_delivery

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Running:
    """A process that works: its parts, and who performs sessions in it."""

    wiring: Wiring
    performer: Performer


async def run_up(given: dict[str, Any]) -> None:
    """Run until a signal comes.

    Raises:
        Misconfigured: a setting does not fit, or another process owns the data folder.
    """
    settings = read_settings(**given)
    configure_logs(log_format=settings.log_format, level=settings.log_level)
    warn_of_egress(settings)
    stop = stop_event()
    folder = data_folder(settings)
    # Before the port, because a second process on the same folder should hear of the first one.
    with own_folder(folder):
        listener = bind(settings)
        async with running(settings, folder) as parts:
            place = Place(
                url_of(settings, listener),
                runs_as="one process with SQLite",
                key_command="aetherflow keys issue --name first --scope admin\nexport AETHERFLOW_API_KEY=afk_...",
            )
            await serve_application(parts, listener, stop, front_page=render_front_page(place))


@asynccontextmanager
async def running(settings: Settings, folder: Path) -> AsyncIterator[Running]:
    """Deliver and perform sessions from a data folder, which this process owns; the API comes on top.

    Delivery begins before the API's libraries are imported, so a restart after a crash costs little.

    Raises:
        Misconfigured: a setting does not fit.
    """
    queue = LocalQueue()
    wiring = make_wiring(settings, queue, folder=folder)
    try:
        await migrate(wiring.database)
        await require_keys(wiring.database, wiring.keyring)
        await wiring.database.open()
        await prepare(wiring)
        engine = await start_local_delivery(wiring, queue)
        try:
            yield Running(wiring, engine.performer)
        finally:
            await stop_local_delivery(engine, queue)
    finally:
        await wiring.outside.close()
        await wiring.database.close()


async def serve_application(
    parts: Running, listener: socket.socket, stop: asyncio.Event, *, front_page: str = ""
) -> None:
    """Serve the API until the event is set."""
    from app.main import create_app, create_server

    app = create_app(parts.wiring, told=tell_embedded, front_page=front_page)
    log.info("serving", address="{}:{}".format(*listener.getsockname()[:2]))
    await serve_until(
        make_server(create_server(app, wiring=parts.wiring, performer=parts.performer)), listener, stop
    )


async def tell_embedded() -> dict[str, str]:
    """Return what `/readyz` says of workers and Redis."""
    return {"redis": "not used", "workers": "ok"}


def warn_of_egress(settings: Settings) -> None:
    """Say once that deliveries may go where they usually may not."""
    if settings.egress_allow or settings.allow_http:
        log.warning("egress_opened", networks=settings.egress_allow, http=settings.allow_http)
