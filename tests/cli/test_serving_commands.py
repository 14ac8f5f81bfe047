"""`up`, `serve` and `bench`, as far as the command line goes."""

import re
from pathlib import Path

from tests.services import Service, environment_for, run


def test_a_second_up_on_the_same_folder_is_exit_status_4(server: Service) -> None:
    done = server.run("up")
    assert done.returncode == 4
    assert "already serves" in done.stderr.splitlines()[-1]


def test_up_shows_first_steps_and_no_key(server: Service) -> None:
    answer = server.http.get("/")
    assert answer.status_code == 200
    assert "aetherflow keys issue" in answer.text
    assert f"{server.url}/api/v1/events" in answer.text
    assert not re.search(r"afk_\w{10}", answer.text)
    assert "default-src 'none'" in answer.text
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert server.http.head("/").status_code == 200


def test_serve_needs_postgresql_and_says_so(tmp_path: Path) -> None:
    done = run("serve", environment=environment_for(tmp_path), folder=tmp_path)
    assert done.returncode == 3
    assert "AETHERFLOW_DATABASE_URL" in done.stderr.splitlines()[-1]


def test_serve_without_a_keyring_is_exit_status_3(postgres: str, redis: str, tmp_path: Path) -> None:
    environment = environment_for(tmp_path, database_url=postgres, redis_url=redis, keyring="")
    done = run("serve", environment=environment, folder=tmp_path)
    assert done.returncode == 3
    assert "AETHERFLOW_KEYRING" in done.stderr.splitlines()[-1]


def test_serve_without_its_database_is_exit_status_5(tmp_path: Path) -> None:
    environment = environment_for(
        tmp_path, database_url="postgresql://127.0.0.1:1/none", redis_url="redis://127.0.0.1:1/0"
    )
    done = run("serve", environment=environment, folder=tmp_path)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr


def test_bench_hands_its_arguments_on_to_the_benchmarks_of_the_checkout(tmp_path: Path) -> None:
    done = run("bench", "--list", environment={}, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sqlite" in done.stdout
