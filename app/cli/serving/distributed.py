"""Wiring 2 as processes: API on one side, workers on the other, PostgreSQL and Redis between them."""

import asyncio
import time
from typing import Any

import structlog

from app.cli.serving.embedded import warn_of_egress
from app.cli.serving.front_page import Place, render_front_page
from app.cli.serving.parts import make_wiring, prepare
from app.cli.serving.server import bind, make_server, serve_until, settle_memory, stop_event, url_of
from app.errors import Misconfigured
from app.queue import Broadcast, LocalQueue, SessionHint
from app.redis_queue import RedisQueue, again_when_redis_fails, end_tasks, hear
from app.runner.performer import Performer
from app.settings import Settings, read_settings
from app.store.address import Address
from app.store.database import Database
from app.store.migrations import migrate, require_schema
from app.store.sealed_rows import require_keys
from app.telemetry import configure_logs
from app.wiring import Wiring
from delivery.worker import WorkerProcess

log = structlog.get_logger()


async def run_serve(given: dict[str, Any]) -> None:
    """Serve the API until a signal comes.

    Raises:
        Misconfigured: a setting does not fit, or the schema is behind.
        Unavailable: the database does not answer.
    """
    from app.main import create_app, create_server

    settings = read_distributed(given)
    stop = stop_event()
    listener = bind(settings)
    queue = RedisQueue(redis_url(settings), time=time.time)
    wiring = make_wiring(settings, queue, folder=None)
    try:
        await require_ready(wiring)
        await wiring.database.open()
        await prepare(wiring)
        queue.start()
        # Its callers' sessions only; all others are the workers'.
        performer = Performer(wiring, claims=False)
        performer.start()
        hearing = asyncio.get_running_loop().create_task(
            again_when_redis_fails(lambda: hear(redis_url(settings), lambda hint: take_hint(performer, hint)))
        )

        async def tell() -> dict[str, str]:
            up = await queue.is_up()
            workers = f"{queue.workers} alive" if queue.workers else "none alive"
            return {"redis": "ok" if up else "away", "workers": workers if up else "unknown"}

        place = Place(
            url_of(settings, listener),
            runs_as="API and workers with PostgreSQL and Redis",
            key_command="aetherflow keys issue --name first --scope admin\nexport AETHERFLOW_API_KEY=afk_...",
        )
        app = create_app(wiring, told=tell, front_page=render_front_page(place))
        log.info("serving", address="{}:{}".format(*listener.getsockname()[:2]))
        await serve_until(make_server(create_server(app, wiring=wiring, performer=performer)), listener, stop)
        await performer.stop()
        await end_tasks([hearing])
        await queue.stop()
    finally:
        await wiring.outside.close()
        await wiring.database.close()


def take_hint(performer: Performer, hint: Broadcast) -> None:
    """Hand on what concerns sessions; endpoints that change are found out by their versions here."""
    if isinstance(hint, SessionHint):
        performer.take(hint)


async def run_worker() -> None:
    """Deliver until a signal comes.

    Raises:
        Misconfigured: a setting does not fit, or the schema is behind.
        Unavailable: the database does not answer.
    """
    settings = read_distributed({})
    stop = stop_event()
    queue = RedisQueue(redis_url(settings), time=time.time)
    wiring = make_wiring(settings, queue, folder=None)
    try:
        await require_ready(wiring)
        await wiring.database.open()
        queue.start()
        process = WorkerProcess(wiring, redis_url=redis_url(settings))
        process.start()
        settle_memory()
        log.info("working")
        await stop.wait()
        await process.stop()
        await queue.stop()
    finally:
        await wiring.outside.close()
        await wiring.database.close()


async def run_migrate() -> None:
    """Bring the schema to this version and say which revisions were run.

    Raises:
        Unavailable: the database is away.
    """
    settings = read_settings()
    configure_logs(log_format=settings.log_format, level=settings.log_level)
    address = Address.parse(settings.database_url.get_secret_value())
    if address.path is not None:
        address.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(address, LocalQueue())
    try:
        done = await migrate(database)
    finally:
        await database.engine.dispose()
    print(f"Migrated: {', '.join(done)}." if done else "Nothing to migrate.")


def read_distributed(given: dict[str, Any]) -> Settings:
    """Return the settings of a process that needs PostgreSQL and Redis.

    Raises:
        Misconfigured: one of them is not set.
    """
    settings = read_settings(**given)
    configure_logs(log_format=settings.log_format, level=settings.log_level)
    if Address.parse(settings.database_url.get_secret_value()).path is not None:
        raise Misconfigured(
            "AETHERFLOW_DATABASE_URL: `serve` and `worker` need postgresql://...; with SQLite use `up`."
        )
    warn_of_egress(settings)
    return settings


def redis_url(settings: Settings) -> str:
    """Return where Redis is.

    Raises:
        Misconfigured: nobody said.
    """
    if settings.redis_url is None:
        raise Misconfigured("AETHERFLOW_REDIS_URL: is required here, such as redis://localhost:6379/0.")
    return settings.redis_url.get_secret_value()


async def require_ready(wiring: Wiring) -> None:
    """Make sure that the schema and the keyring fit.

    Raises:
        Misconfigured: they do not.
        Unavailable: the database does not answer.
    """
    await require_schema(wiring.database)
    await require_keys(wiring.database, wiring.keyring)
