"""Fault tests: real processes under a steady load lose one of their number, or something they depend on.

Each test runs once; `FAULT_ROUNDS=10 python -m pytest tests/faults` runs ten rounds of each. The table at the end
of the session says what was accepted and what became of it. A call that is refused is answered 503, one without an
answer found nobody to connect to or lost its connection. The longest delay counts from the fault, or from the call
if that came later; the oldest double is the time before the fault at which its first request had arrived.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.databases import PostgresDatabases
from tests.faults.findings import Fault, Findings
from tests.faults.rounds import ROUNDS
from tests.faults.trial import Trial
from tests.ledger import Ledger
from tests.postgres_server import Postgres
from tests.redis_server import Redis, flush
from tests.servers import Servers
from tests.services import Service, distributed, embedded, migrate

COLUMNS = (
    "rounds",
    "accepted",
    "refused",
    "no answer",
    "delivered",
    "lost",
    "doubled",
    "oldest double",
    "longest delay",
)

Outcomes = dict[str, list[Findings]]
OUTCOMES = pytest.StashKey[Outcomes]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OUTCOMES] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "round_number" in metafunc.fixturenames:
        metafunc.parametrize("round_number", range(1, ROUNDS + 1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    outcomes = config.stash[OUTCOMES]
    if not outcomes:
        return
    width = max(map(len, outcomes))
    terminalreporter.section("faults")
    terminalreporter.line(" " * width + "".join(f"{column:>{len(column) + 2}}" for column in COLUMNS))
    for title in sorted(outcomes):
        cells = zip(COLUMNS, row(outcomes[title]), strict=True)
        terminalreporter.line(
            f"{title:<{width}}" + "".join(f"{cell:>{len(column) + 2}}" for column, cell in cells)
        )


def row(rounds: list[Findings]) -> tuple[object, ...]:
    answers = sum((one.answers for one in rounds), Counter[int]())
    accepted = sum(one.accepted for one in rounds)
    return (
        len(rounds),
        accepted,
        answers.total() - accepted - answers[0],
        answers[0],
        sum(one.delivered for one in rounds),
        sum(one.lost for one in rounds),
        sum(one.doubled for one in rounds),
        f"{max(one.oldest_double_seconds for one in rounds):.3f} s",
        f"{max(one.longest_delay_seconds for one in rounds):.1f} s",
    )


@pytest.fixture(scope="session")
def own_postgres(servers: Servers) -> Iterator[Postgres]:
    """One server for all tests here, because making its data takes as long as some trials; put right for each."""
    with servers.run_postgres(durable=True) as server:
        yield server


@pytest.fixture(scope="session")
def own_redis(servers: Servers) -> Iterator[Redis]:
    with servers.run_redis() as server:
        yield server


@pytest.fixture(scope="session")
def own_databases(own_postgres: Postgres) -> PostgresDatabases:
    return PostgresDatabases(own_postgres.url(), migrate)


@pytest.fixture
def workers() -> int:
    """How many workers there are in the distributed wiring; a test for another number parametrises this."""
    return 2


@pytest.fixture
def settings() -> dict[str, str]:
    """AETHERFLOW_ variables in lower case; a module for other ones overrides this."""
    return {}


@pytest.fixture(params=["embedded", "distributed"])
def service(
    request: pytest.FixtureRequest, folder: Path, workers: int, settings: dict[str, str]
) -> Iterator[Service]:
    """A service that one test has for itself."""
    with ExitStack() as stack:
        if request.param == "embedded":
            yield stack.enter_context(embedded(folder, **settings))
            return
        postgres: Postgres = request.getfixturevalue("own_postgres")
        redis: Redis = request.getfixturevalue("own_redis")
        for server in (postgres, redis):
            server.resume()
            if not server.is_running:
                server.start()
        flush(redis.url())
        databases: PostgresDatabases = request.getfixturevalue("own_databases")
        database_url = stack.enter_context(databases.fresh())
        yield stack.enter_context(
            distributed(
                folder,
                database_url=database_url,
                redis_url=redis.url(),
                workers=workers,
                is_migrated=True,
                **settings,
            )
        )


@pytest.fixture
def trial(
    request: pytest.FixtureRequest,
    service: Service,
    ledger: Ledger,
    folder: Path,
    round_number: int,
) -> Trial:
    wiring = "distributed" if service.workers else "embedded"

    def report(fault: Fault, findings: Findings) -> None:
        outcomes = request.config.stash[OUTCOMES]
        outcomes.setdefault(f"{wiring}: {fault.title}", []).append(findings)

    return Trial(service, ledger, folder, report=report)
