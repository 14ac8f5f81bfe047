"""`aetherflow doctor`."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from app.cli.diagnosis.storage import has_repair
from tests.cli.conftest import CommandLine
from tests.processes import free_port
from tests.redis_server import Redis
from tests.services import Service, embedded, environment_for, run


def examine(environment: dict[str, str], folder: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit status of `doctor` and its findings by check."""
    done = run("doctor", "--output", "json", environment=environment, folder=folder)
    assert "Traceback" not in done.stderr
    return done.returncode, {each["check"]: each for each in json.loads(done.stdout)["checks"]}


def test_nothing_fails_beside_a_healthy_server(aetherflow: CommandLine, server: Service) -> None:
    done = aetherflow("doctor")
    assert done.returncode == 0, done.stdout
    assert f"AetherFlow is ready at 127.0.0.1:{server.server.port}" in done.stdout
    for check in ("settings", "database", "schema", "keyring", "folder"):
        assert f"ok    {check}: " in done.stdout
    # What the tests open is worth a word, and so is a service that does not know its address.
    assert "warn  egress: " in done.stdout
    assert "warn  public url: " in done.stdout
    assert server.api_key not in done.stdout + done.stderr


def test_looking_makes_nothing(tmp_path: Path) -> None:
    status, found = examine({"AETHERFLOW_PORT": str(free_port())}, tmp_path)
    assert status == 0
    assert found["database"]["status"] == "warn"
    assert found["port"]["status"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_be_read_fail(tmp_path: Path) -> None:
    status, found = examine({"AETHERFLOW_PORT": "http"}, tmp_path)
    assert status == 1
    assert "AETHERFLOW_PORT" in found["settings"]["detail"]


def test_a_port_that_another_program_has_fails(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, found = examine({"AETHERFLOW_PORT": str(taken.getsockname()[1])}, tmp_path)
    assert status == 1
    assert found["port"]["status"] == "fail"
    assert "AETHERFLOW_PORT" in found["port"]["remedy"]


def test_a_keyring_that_lacks_a_key_fails_and_names_it(sqlite: str, tmp_path: Path) -> None:
    environment = environment_for(tmp_path, database_url=sqlite)
    register_an_endpoint(environment, tmp_path)
    entry = run("keyring", "new", "--id", "another", environment={}).stdout.strip()
    status, found = examine({**environment, "AETHERFLOW_KEYRING": entry}, tmp_path)
    assert status == 1
    assert "lacks tests" in found["keyring"]["detail"]


def test_a_database_without_its_keyring_fails(sqlite: str, tmp_path: Path) -> None:
    environment = environment_for(tmp_path, database_url=sqlite, keyring="")
    status, found = examine(environment, tmp_path)
    assert status == 1
    assert found["keyring"]["status"] == "fail"


def test_files_that_others_may_read_fail(sqlite: str, tmp_path: Path) -> None:
    folder = Path(sqlite.removeprefix("sqlite:///")).parent
    (folder / "api-key").write_text("afk_x")
    (folder / "api-key").chmod(0o644)
    status, found = examine(environment_for(tmp_path, database_url=sqlite), tmp_path)
    assert status == 1
    assert found["folder"]["remedy"] == f"chmod 600 {folder / 'api-key'}"


def test_a_database_that_is_away_fails_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://aether:hidden-password@127.0.0.1:{free_port()}/aetherflow"
    environment = environment_for(tmp_path, database_url=url, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    done = run("doctor", environment=environment, folder=tmp_path)
    assert done.returncode == 1
    assert "fail  database: does not answer" in done.stdout
    assert "fail  redis: does not answer" in done.stdout
    assert "hidden-password" not in done.stdout + done.stderr


def test_a_distributed_installation_is_looked_at_as_a_whole(
    postgres: str, own_redis: Redis, tmp_path: Path
) -> None:
    # A Redis of its own, because workers of other tests tell the shared one that they are alive.
    environment = environment_for(tmp_path, database_url=postgres, redis_url=own_redis.url())
    status, found = examine(environment, tmp_path)
    assert status == 0
    expected = {
        "database": "ok",
        "schema": "ok",
        "keyring": "ok",
        "clock": "ok",
        "redis": "ok",
        "workers": "warn",
    }
    assert {check: found[check]["status"] for check in expected} == expected
    status, found = examine({**environment, "AETHERFLOW_REDIS_URL": ""}, tmp_path)
    assert (status, found["redis"]["status"]) == (1, "fail")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {
                "public_url": "https://hooks.example.com",
                "egress_allow": "",
                "egress_ports": "",
                "allow_http": "",
            },
            {"public url": "ok", "egress": "ok"},
        ),
        (
            {"public_url": "http://hooks.example.com", "redis_url": "redis://127.0.0.1:1/0"},
            {"public url": "warn", "egress": "warn", "redis": "warn"},
        ),
        (
            {"public_url": "hooks.example.com", "egress_allow": "everything"},
            {"public url": "fail", "egress": "fail"},
        ),
    ],
    ids=["sound", "doubtful", "wrong"],
)
def test_settings_are_judged(settings: dict[str, str], expected: dict[str, str], tmp_path: Path) -> None:
    _, found = examine(environment_for(tmp_path, **settings), tmp_path)
    assert {check: found[check]["status"] for check in expected} == expected
    assert all(bool(found[check]["remedy"]) == (status != "ok") for check, status in expected.items())


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
    ],
)
def test_versions_of_sqlite_with_the_repair_are_known(version: tuple[int, ...], expected: bool) -> None:
    assert has_repair(version) is expected


def register_an_endpoint(environment: dict[str, str], folder: Path) -> None:
    """Put a sealed value into the database, with a service that runs for that only."""
    settings = {"keyring": environment["AETHERFLOW_KEYRING"]}
    with embedded(folder, database_url=environment["AETHERFLOW_DATABASE_URL"], **settings) as service:
        assert service.api.post("/endpoints", json={"url": "https://example.com/"}).status_code == 201
