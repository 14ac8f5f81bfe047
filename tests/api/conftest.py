"""One service for all tests of the API, in both wirings, and a workspace of its own for each test.

service    as everywhere, but shared by all modules of this folder
workspace  a client with the first key of a fresh workspace, of the scope admin
stranger   the same for a second one
inside     the application in the test's own process, on both databases, with a clock that the test moves
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import httpx2
import pytest

from tests.api.in_process import Inside, run_inside
from tests.opened import fresh_database
from tests.servers import REDIS, Servers
from tests.services import WIRINGS, Service, run_in

numbers = itertools.count(1)


def choose_scope(fixture_name: str, config: pytest.Config) -> Literal["module", "session"]:
    """Keep the service running, unless its Redis is one that other tests need for themselves."""
    return "module" if Servers().is_given(REDIS) else "session"


@pytest.fixture(scope=choose_scope, params=WIRINGS)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with run_in(request.param, request.getfixturevalue) as running:
        yield running


@pytest.fixture
def workspace(service: Service) -> Iterator[httpx2.Client]:
    with make_workspace(service) as client:
        yield client


@pytest.fixture
def stranger(service: Service) -> Iterator[httpx2.Client]:
    with make_workspace(service) as client:
        yield client


def make_workspace(service: Service) -> httpx2.Client:
    made = service.api.post("/workspaces", json={"name": f"workspace {next(numbers)}"})
    assert made.status_code == 201, made.text
    return service.client(made.json()["api_key"])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request)


@pytest.fixture
async def inside(database_url: str) -> AsyncIterator[Inside]:
    async with run_inside(database_url) as inside:
        yield inside
