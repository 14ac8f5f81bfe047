"""Opens the database for commands that work on it directly, beside a running server or without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.cli.serving.parts import open_wiring
from app.errors import Misconfigured
from app.queue import LocalQueue
from app.settings import Settings, read_settings
from app.store.address import Address
from app.wiring import Wiring


@asynccontextmanager
async def open_database(*, may_create: bool = False) -> AsyncIterator[Wiring]:
    """Open the configured database; an SQLite file is made only by commands that begin something.

    Raises:
        Misconfigured: there is no such file, a setting does not fit, or the schema is behind.
        Unavailable: the database is away.
    """
    settings = read_settings()
    if not may_create:
        require_file(settings)
    async with open_wiring(settings, LocalQueue()) as wiring:
        yield wiring


def require_file(settings: Settings) -> None:
    """Make sure that an SQLite database is there.

    A command in the wrong folder would otherwise make a new one and report that it is empty.

    Raises:
        Misconfigured: it is not.
    """
    path = Address.parse(settings.database_url.get_secret_value()).path
    if path is not None and not path.exists():
        raise Misconfigured(
            f"AETHERFLOW_DATABASE_URL: there is no database at {path}; go to the folder of the service, or set it."
        )
