"""The schema's history leads to the models, from anywhere, once, and whoever comes at the same time waits."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from app.errors import SchemaBehind, Unavailable
from app.queue import LocalQueue
from app.store import migrations
from app.store.address import Address
from app.store.database import Database
from app.store.migrations import current_revision, migrate, newest_revision, require_schema
from app.store.models import Row
from tests.databases import PostgresDatabases, SqliteDatabases
from tests.processes import free_port

# Alembic keeps what it works on in its module, so those that migrate at the same time are different processes.
MIGRATE = """
import asyncio, sys
import alembic.command
from app.queue import LocalQueue
from app.store.address import Address
from app.store.database import Database
from app.store.migrations import migrate

async def run():
    database = Database(Address.parse(sys.argv[1]), LocalQueue())
    print(*await migrate(database))
    await database.engine.dispose()

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(run())
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database, without any table."""
    name = {"sqlite": "sqlite_databases", "postgresql": "postgres_databases"}[request.param]
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(name)
    with databases.empty() as url:
        yield url


def connect(url: str) -> Database:
    return Database(Address.parse(url), LocalQueue())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = connect(database_url)
    yield opened
    await opened.engine.dispose()


def compare(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Row.metadata))


def read_indexes(connection: Connection) -> dict[tuple[str, str], tuple[list[str | None], bool, str]]:
    """Return columns, uniqueness and condition of each index, which the comparison passes over."""
    found = {}
    for table in inspect(connection).get_table_names():
        for index in inspect(connection).get_indexes(table):
            options: dict[str, Any] = index.get("dialect_options", {})
            name = connection.dialect.name
            condition = str(options.get(f"{name}_where", ""))
            found[table, str(index["name"])] = (index["column_names"], bool(index["unique"]), condition)
    return found


def make_from_models(connection: Connection) -> None:
    Row.metadata.create_all(connection)


async def test_the_migrations_lead_to_the_models(database: Database) -> None:
    await migrate(database)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_the_migrations_make_the_indexes_of_the_models_with_their_conditions(
    database: Database, request: pytest.FixtureRequest
) -> None:
    await migrate(database)
    async with database.engine.connect() as connection:
        migrated = await connection.run_sync(read_indexes)
    async with database.engine.begin() as connection:
        await connection.run_sync(Row.metadata.drop_all)
        await connection.run_sync(make_from_models)
    async with database.engine.connect() as connection:
        modelled = await connection.run_sync(read_indexes)
    assert migrated == modelled
    assert any(condition for _, _, condition in modelled.values())


async def test_an_empty_database_is_brought_to_the_newest_revision(database: Database) -> None:
    assert await current_revision(database) is None
    done = await migrate(database)
    assert done == sorted(done)
    assert done[-1] == newest_revision() == await current_revision(database)


async def test_a_database_that_is_up_to_date_is_left_alone(database: Database) -> None:
    await migrate(database)
    assert await migrate(database) == []


async def test_a_database_of_a_newer_version_is_left_alone_and_good_enough(database: Database) -> None:
    """A roll-out migrates first, while the code of before still runs."""
    await migrate(database)
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert await migrate(database) == []
    await require_schema(database)


async def test_processes_that_migrate_at_the_same_time_run_each_revision_once(
    database: Database, database_url: str
) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, database_url, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        # Each has imported everything and says so, so that they begin together.
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0]
    done = sorted(output.decode().split() for output, _ in answers)
    assert done[:2] == [[], []]
    assert done[2][-1] == newest_revision() == await current_revision(database)


async def test_an_empty_schema_is_behind_and_the_error_names_the_command(database: Database) -> None:
    with pytest.raises(
        SchemaBehind, match=rf"revision none .* needs {newest_revision()}: run `aetherflow migrate`"
    ):
        await require_schema(database)


async def test_an_older_schema_is_behind_and_the_error_names_both_revisions(database: Database) -> None:
    await migrate(database)
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(SchemaBehind, match=rf"revision 0000 .* needs {newest_revision()}"):
        await require_schema(database)


async def test_the_schema_of_this_version_is_accepted(database: Database) -> None:
    await migrate(database)
    await require_schema(database)


async def test_a_database_that_is_away_is_no_old_one() -> None:
    database = connect(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    for question in (current_revision, require_schema, migrate):
        with pytest.raises(Unavailable):
            await question(database)


def test_the_newest_revision_is_the_one_of_the_newest_file() -> None:
    files = sorted(path.name for path in (migrations.migrations_folder() / "versions").glob("*.py"))
    assert newest_revision() == files[-1].split("_")[3]
