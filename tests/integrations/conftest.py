"""A workspace in an empty database, of both kinds in turn, which the tests of a module share."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.opened import fresh_database
from tests.outbound.sites import Site, new_site


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with new_site(database_url) as site:
        yield site
        await site.wiring.outside.close()
