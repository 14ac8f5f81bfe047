"""The servers that the other tests rely on, and what happens to them when a test run ends badly."""

import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
import redis as redis_client

from tests.checkout import ROOT
from tests.databases import PostgresDatabases, execute
from tests.postgres_server import Postgres
from tests.reaper import exists
from tests.redis_server import Redis, ask
from tests.servers import GO, KINDS, NODE, POSTGRESQL, SERVERS, MissingServerError, Servers
from tests.waiting import until

# Starts a Redis, tells where, and dies as it would by the hand of an impatient developer.
KILLED_SESSION = """
import os
from tests.servers import Servers
with Servers().run_redis() as redis:
    redis.pause()
    print(redis.pid, redis.folder, flush=True)
    os.kill(os.getpid(), 9)
"""


async def test_postgresql_keeps_what_was_committed_when_it_is_killed(own_postgres: Postgres) -> None:
    execute(own_postgres.url(), "CREATE TABLE kept AS SELECT 1 AS number")

    own_postgres.kill9()
    own_postgres.start()

    connection = await asyncpg.connect(own_postgres.url())
    assert await connection.fetchval("SELECT number FROM kept") == 1
    await connection.close()


async def test_a_frozen_postgresql_answers_nothing_until_it_goes_on(own_postgres: Postgres) -> None:
    connection = await asyncpg.connect(own_postgres.url())

    own_postgres.pause()
    with pytest.raises(TimeoutError):
        await asyncpg.connect(own_postgres.url(), timeout=0.2)

    own_postgres.resume()
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


async def test_postgresql_is_reached_by_loopback_or_its_own_folder_with_its_password(
    own_postgres: Postgres,
) -> None:
    connection = await asyncpg.connect(own_postgres.url())
    assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    await connection.close()
    assert (own_postgres.folder / f".s.PGSQL.{own_postgres.port}").is_socket()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(own_postgres.url().replace(own_postgres.password, "guessed"))


def test_redis_is_reached_by_loopback_alone_and_writes_nothing_to_disk(own_redis: Redis) -> None:
    with redis_client.Redis.from_url(own_redis.url()) as client:
        client.set("key", "value")
        settings = client.config_get("bind", "save", "appendonly")
    assert settings == {"bind": "127.0.0.1", "save": "", "appendonly": "no"}

    own_redis.restart()

    assert ask(own_redis.port, "EXISTS key") == b":0\r\n"
    assert [path.name for path in own_redis.folder.iterdir()] == ["redis.log"]


def test_a_frozen_redis_answers_nothing_until_it_goes_on(own_redis: Redis) -> None:
    own_redis.pause()
    assert ask(own_redis.port, "PING") == b""
    own_redis.resume()
    assert ask(own_redis.port, "PING") == b"+PONG\r\n"


def test_a_fresh_database_holds_what_was_migrated_and_nothing_of_another(
    postgres_databases: PostgresDatabases,
) -> None:
    migrated: list[str] = []

    def migrate(url: str) -> None:
        migrated.append(url)
        execute(url, "CREATE TABLE migrated (id int)")

    databases = PostgresDatabases(postgres_databases.server_url, migrate)
    with databases.fresh() as first, databases.fresh() as second:
        execute(first, "SELECT FROM migrated", "CREATE TABLE own (id int)")
        execute(second, "SELECT FROM migrated", "CREATE TABLE own (id int)")
    databases.close()

    assert len(migrated) == 1
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        execute(first)


def test_what_a_killed_session_had_started_ends_even_when_it_was_frozen(own_redis: Redis) -> None:
    session = subprocess.run(
        [sys.executable, "-c", KILLED_SESSION], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    pid, folder = session.stdout.split()

    until(lambda: is_gone(int(pid)), what="the abandoned Redis is gone")
    until(lambda: not Path(folder).exists(), what="its folder is gone")
    assert own_redis.is_running


def test_all_that_is_missing_is_told_in_one_line_that_names_the_remedy(tmp_path: Path) -> None:
    servers = Servers({"PATH": str(tmp_path)}, is_root=False, postgres_folders=())
    servers.install(SERVERS)

    with pytest.raises(MissingServerError) as told:
        _ = servers.redis_url

    assert str(told.value) == (
        "no PostgreSQL and Redis for the tests: "
        "run `apt-get install -y --no-install-recommends postgresql redis-server` as root, "
        "or set TEST_DATABASE_URL and TEST_REDIS_URL"
    )


def test_root_gets_what_is_missing_from_the_package_manager(tmp_path: Path) -> None:
    make_program(tmp_path / "apt-get", f'echo "$*" >> {tmp_path}/calls')

    Servers({"PATH": str(tmp_path)}, is_root=True, postgres_folders=()).install([POSTGRESQL])

    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["update", "install -y --no-install-recommends postgresql"]


def test_nothing_is_installed_for_servers_that_are_there(tmp_path: Path) -> None:
    for name in ("postgres", "initdb", "redis-server", "node", "go"):
        make_program(tmp_path / name, "exit 1")
    make_program(tmp_path / "apt-get", f"touch {tmp_path}/called")

    Servers({"PATH": str(tmp_path)}, is_root=True).install(KINDS)

    assert not (tmp_path / "called").exists()


def test_servers_that_the_environment_names_are_used_as_they_are() -> None:
    given = {"TEST_DATABASE_URL": "postgresql://here/tests", "TEST_REDIS_URL": "redis://there/3"}
    servers = Servers(given)
    assert (servers.postgres_url, servers.redis_url) == tuple(given.values())


def test_a_language_is_taken_from_where_the_environment_says_else_from_the_path(tmp_path: Path) -> None:
    make_program(tmp_path / "go", "exit 1")
    servers = Servers({"PATH": str(tmp_path), "TEST_NODE": "/opt/node"}, is_root=False)
    assert servers.find_language(NODE) == Path("/opt/node")
    assert servers.find_language(GO) == tmp_path / "go"


def test_a_language_that_is_missing_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingServerError) as told:
        Servers({"PATH": str(tmp_path)}, is_root=False).find_language(GO)
    assert str(told.value) == (
        "no Go for the tests: run `apt-get install -y --no-install-recommends golang-go` as root, or set TEST_GO"
    )


def make_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def is_gone(pid: int) -> bool:
    """Whether there is no such process, or only its exit status that nobody has read."""
    status = Path(f"/proc/{pid}/stat")
    return not exists(pid) or (status.exists() and ") Z " in status.read_text())
