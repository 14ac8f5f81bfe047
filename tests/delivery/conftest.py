"""Tests in this folder run on uvloop, as the service does.

`site` is a workspace in an empty database, of both kinds in turn, which the tests of a module share.

A module that marks itself with `pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])` runs on both
kinds of loop, whose transports differ in when they read, write and report the end of a connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import structlog
import uvloop

from tests.opened import fresh_database
from tests.outbound.sites import Site, new_site

LOOP_FACTORIES = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if any("loop_factories" in mark.kwargs for mark in item.iter_markers("asyncio")):
        return LOOP_FACTORIES
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True, scope="session")
def plain_logs() -> None:
    """Print log lines without colours and frames, which take seconds to draw for an error."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with new_site(database_url) as site:
        yield site
