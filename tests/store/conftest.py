"""A database for tests of the store: open and empty, of both kinds in turn, shared by the tests of a module."""

from collections.abc import AsyncIterator, Iterator

import pytest

from app.queue import LocalQueue
from app.store.database import Database
from tests.opened import empty, fresh_database, opened


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request)


@pytest.fixture
def queue() -> LocalQueue:
    return LocalQueue()


@pytest.fixture
async def database(database_url: str, queue: LocalQueue) -> AsyncIterator[Database]:
    async with opened(database_url, queue) as database:
        await empty(database)
        yield database
