"""The fixtures that tests share: real servers, fresh migrated databases, and the running service.

    postgres      URL of a fresh migrated PostgreSQL database
    sqlite        URL of a fresh migrated SQLite database
    database_url  one of the two; the test runs with each
    redis         URL of an emptied Redis
    own_postgres  a PostgreSQL server that the test may kill, freeze and restart; it waits for the disk
    own_redis     a Redis server that the test may kill, freeze and restart
    service       the running service, shared by the tests of a module; they run in both wirings
    api           a client of that service for tests whose receivers run in their own event loop
    ledger        a receiver that writes down what it got
    verifiers     programs in three languages that check signatures as receivers do
    folder        a temporary folder that every user of this machine may pass through

A test for one of two variants parametrises the fixture itself, with `indirect=True`. What needs PostgreSQL or
Redis is marked `distributed`; `pytest -m "not distributed"` runs wherever Python runs.
"""

import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.databases import Databases, PostgresDatabases, SqliteDatabases
from tests.ledger import Ledger
from tests.postgres_server import Postgres
from tests.processes import temporary_folder
from tests.redis_server import Redis, flush
from tests.servers import GO, NODE, POSTGRESQL, REDIS, Kind, MissingServerError, Servers
from tests.services import WIRINGS, Service, migrate, run_in
from tests.verifiers.running import Verifiers, run_verifiers

SERVERS = pytest.StashKey[Servers]()

# What a test needs, by the fixtures that it uses directly or not, and by the variants that it runs in.
SHARED_SERVERS = {
    "postgres_databases": {POSTGRESQL},
    "redis_url": {REDIS},
    "postgresql": {POSTGRESQL},
    "distributed": {POSTGRESQL, REDIS},
}
OWN_SERVERS = {"own_postgres": {POSTGRESQL}, "own_redis": {REDIS}}
LANGUAGES = {"verifiers": {NODE, GO}}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "embedded: runs the service in one process with SQLite")
    config.addinivalue_line("markers", "distributed: needs PostgreSQL or Redis")
    config.stash[SERVERS] = Servers()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SERVERS].close()


# Before pytest's own part in this hook, which takes out what `-m` does not name.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        traits = traits_of(item)
        if traits & (SHARED_SERVERS.keys() | OWN_SERVERS.keys()):
            item.add_marker(pytest.mark.distributed)
        if "embedded" in traits:
            item.add_marker(pytest.mark.embedded)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install what the chosen tests lack, here rather than in a fixture, whose time counts as its test's."""
    if not session.config.option.collectonly:
        servers = session.config.stash[SERVERS]
        servers.install(kinds_to_start(session.items, servers))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say in one line what is missing, and show with a failure what the processes of the service said."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, MissingServerError):
        if os.environ.get("CI") == "true":
            report.longrepr = str(call.excinfo.value)
        else:
            # All skipped tests get one place and one reason, which pytest then tells once.
            report.outcome = "skipped"
            report.longrepr = (__file__, 1, str(call.excinfo.value))
    elif report.failed:
        for service in getattr(item, "funcargs", {}).values():
            if isinstance(service, Service):
                report.sections += [(f"log of {name}", text) for name, text in service.log_tails().items()]
    return report


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Servers:
    return request.config.stash[SERVERS]


@pytest.fixture(scope="session")
def postgres_databases(servers: Servers) -> Iterator[PostgresDatabases]:
    databases = PostgresDatabases(servers.postgres_url, migrate)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"), migrate)


@pytest.fixture(scope="session")
def redis_url(servers: Servers) -> str:
    return servers.redis_url


@pytest.fixture
def postgres(postgres_databases: PostgresDatabases) -> Iterator[str]:
    with postgres_databases.fresh() as url:
        yield url


@pytest.fixture
def sqlite(sqlite_databases: SqliteDatabases) -> Iterator[str]:
    with sqlite_databases.fresh() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    name = {"sqlite": "sqlite_databases", "postgresql": "postgres_databases"}[request.param]
    databases: Databases = request.getfixturevalue(name)
    with databases.fresh() as url:
        yield url


@pytest.fixture
def redis(redis_url: str) -> str:
    flush(redis_url)
    return redis_url


@pytest.fixture
def own_postgres(servers: Servers) -> Iterator[Postgres]:
    with servers.run_postgres(durable=True) as server:
        yield server


@pytest.fixture
def own_redis(servers: Servers) -> Iterator[Redis]:
    with servers.run_redis() as server:
        yield server


@pytest.fixture(scope="module", params=WIRINGS)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with run_in(request.param, request.getfixturevalue) as running:
        yield running


@pytest.fixture
async def api(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    async with service.async_client() as client:
        yield client


@pytest.fixture(scope="session")
def verifiers(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifiers]:
    with run_verifiers(servers, tmp_path_factory.mktemp("verifiers")) as running:
        yield running


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger(folder) as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


def kinds_to_start(items: list[pytest.Item], servers: Servers) -> set[Kind]:
    """Return the kinds of servers and languages of which the programs are needed."""
    kinds = set[Kind]()
    for trait in set[str]().union(*map(traits_of, items)):
        shared = SHARED_SERVERS.get(trait, LANGUAGES.get(trait, set()))
        kinds |= {kind for kind in shared if not servers.is_given(kind)}
        kinds |= OWN_SERVERS.get(trait, set())
    return kinds


def traits_of(item: pytest.Item) -> set[str]:
    """Return the names of a test's fixtures, and of the variants of the two that have some."""
    names = set(getattr(item, "fixturenames", ()))
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return names | {parameters[name] for name in ("database_url", "service") if name in parameters}
