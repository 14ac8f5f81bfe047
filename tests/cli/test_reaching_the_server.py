"""Which server commands talk to, with which key, and what they say when that does not work."""

from pathlib import Path

import pytest

from tests.processes import free_port
from tests.services import Service, run


def test_a_server_that_is_away_is_exit_status_5(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = run("events", "list", "--url", url, "--key", "afk_x", environment={}, folder=tmp_path)
    assert done.returncode == 5
    assert done.stdout == ""
    assert done.stderr.startswith(f"aetherflow: cannot reach {url}: ")
    assert done.stderr.count("\n") == 1


def test_a_key_that_the_server_does_not_know_is_exit_status_1_and_not_repeated(server: Service) -> None:
    key = "afk_" + "x" * 32
    done = server.run("events", "list", "--key", key)
    assert done.returncode == 1
    assert "API key" in done.stderr
    assert key not in done.stdout + done.stderr


def test_a_missing_key_is_exit_status_3(tmp_path: Path) -> None:
    done = run("events", "list", environment={}, folder=tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith("aetherflow: AETHERFLOW_API_KEY: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "status"),
    [
        (["--url", "here", "--key", "afk_x"], {}, 2),
        ([], {"AETHERFLOW_URL": "here", "AETHERFLOW_API_KEY": "afk_x"}, 3),
        ([], {"AETHERFLOW_PORT": "none"}, 3),
    ],
    ids=str,
)
def test_an_address_that_is_none_is_told_apart_by_where_it_came_from(
    arguments: list[str], environment: dict[str, str], status: int, tmp_path: Path
) -> None:
    done = run("events", "list", *arguments, environment=environment, folder=tmp_path)
    assert done.returncode == status
    assert done.stderr.count("\n") == 1


def test_url_and_key_of_the_environment_are_used(server: Service, tmp_path: Path) -> None:
    environment = {"AETHERFLOW_URL": server.url, "AETHERFLOW_API_KEY": server.api_key}
    assert run("events", "list", environment=environment, folder=tmp_path).returncode == 0


def test_the_public_url_is_the_default_and_the_flag_beats_it(server: Service, tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    environment = {"AETHERFLOW_PUBLIC_URL": away, "AETHERFLOW_BOOTSTRAP_API_KEY": server.api_key}
    assert run("events", "list", environment=environment, folder=tmp_path).returncode == 5
    done = run("events", "list", "--url", server.url, environment=environment, folder=tmp_path)
    assert done.returncode == 0


def test_the_key_that_dev_keeps_in_the_data_folder_serves(server: Service, tmp_path: Path) -> None:
    folder = tmp_path / ".aetherflow"
    folder.mkdir()
    (folder / "api-key").write_text(server.api_key + "\n")
    environment = {"AETHERFLOW_PORT": server.environment["AETHERFLOW_PORT"]}
    assert run("events", "list", environment=environment, folder=tmp_path).returncode == 0
