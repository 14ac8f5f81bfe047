"""A fresh, migrated database for each test that asks, as a copy of one that was migrated once."""

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg

Migrate = Callable[[str], None]


class Databases(Protocol):
    """Where fresh databases of one kind come from."""

    def fresh(self) -> contextlib.AbstractContextManager[str]:
        """Give the URL of a new migrated database, dropped at the end of the block."""
        ...


class PostgresDatabases:
    """Databases on the server at `server_url`, whose user may create them; `migrate` is given a URL."""

    def __init__(self, server_url: str, migrate: Migrate) -> None:
        self.server_url = server_url
        self.migrate = migrate

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        with self._database(template=self._template) as url:
            yield url

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """Give the URL of a new database without any table, for tests of the migrations themselves."""
        with self._database(template="template1") as url:
            yield url

    def close(self) -> None:
        """Drop the template, if it was made."""
        if "_template" in vars(self):
            execute(self.server_url, f"DROP DATABASE {self._template}")

    @cached_property
    def _template(self) -> str:
        name = new_name()
        execute(self.server_url, f"CREATE DATABASE {name}")
        self.migrate(with_database(self.server_url, name))
        return name

    @contextlib.contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = new_name()
        execute(self.server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield with_database(self.server_url, name)
        finally:
            execute(self.server_url, f"DROP DATABASE {name} WITH (FORCE)")


class SqliteDatabases:
    """Database files, each in a folder of its own below `folder`, since a data folder has one database."""

    def __init__(self, folder: Path, migrate: Migrate) -> None:
        self.folder = folder
        self.migrate = migrate

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        with self.empty() as url:
            shutil.copytree(self._template, Path(url.removeprefix("sqlite:///")).parent, dirs_exist_ok=True)
            yield url

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """Give the URL of a database file that does not exist yet."""
        folder = self.folder / new_name()
        folder.mkdir()
        try:
            yield sqlite_url(folder)
        finally:
            shutil.rmtree(folder)

    @cached_property
    def _template(self) -> Path:
        folder = self.folder / new_name()
        folder.mkdir()
        self.migrate(sqlite_url(folder))
        return folder


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'aetherflow.db'}"


def execute(url: str, *statements: str) -> None:
    """Run statements outside of a transaction, from a test or fixture of either kind, async or not."""

    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    # A thread of its own, because the calling one may have an event loop that runs.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def new_name() -> str:
    # Recognisable on a server that is shared with others, and unlike any name there.
    return f"aetherflow_test_{secrets.token_hex(6)}"
