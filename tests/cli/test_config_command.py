"""`aetherflow config`."""

import json
from pathlib import Path

import pytest

from app.cli.diagnosis.effective_settings import mask_url, show_keyring
from tests.services import environment_for, run


def test_every_setting_is_shown_and_no_secret(tmp_path: Path) -> None:
    environment = environment_for(
        tmp_path,
        database_url="postgresql://aether:pass/w@rd@db.internal:5432/aetherflow?sslpassword=hidden",
        redis_url="redis://:redis-password@cache.internal:6379/0",
        api_key="afk_" + "q" * 40,
    )
    for output in ("table", "json"):
        done = run("config", "--output", output, environment=environment)
        assert done.returncode == 0, done.stderr
        for secret in (
            "pass/w@rd",
            "hidden",
            "redis-password",
            "q" * 40,
            environment["AETHERFLOW_BOOTSTRAP_API_KEY"],
            environment["AETHERFLOW_KEYRING"].partition(":")[2],
        ):
            assert secret not in done.stdout
        assert "db.internal:5432/aetherflow" in done.stdout
    shown = json.loads(done.stdout)
    assert shown["AETHERFLOW_PORT"] == int(environment["AETHERFLOW_PORT"])
    assert shown["AETHERFLOW_ALLOW_HTTP"] is True
    assert shown["AETHERFLOW_REDIS_URL"] == "redis://:****@cache.internal:6379/0"
    assert shown["AETHERFLOW_KEYRING"] == "tests:****"


def test_where_a_value_comes_from_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("afk_" + "f" * 40)
    environment = {
        "AETHERFLOW_PORT": "9000",
        "AETHERFLOW_API_KEY_FILE": str(tmp_path / "key"),
        "AETHERFLOW_HOST": "",
    }
    lines = run("config", environment=environment).stdout.splitlines()
    sources = {line.split()[0]: line.split()[-1] for line in lines}
    assert sources["AETHERFLOW_PORT"] == "environment"
    assert sources["AETHERFLOW_API_KEY"] == "file"
    assert sources["AETHERFLOW_HOST"] == "default"


def test_a_setting_that_cannot_be_read_is_exit_status_3() -> None:
    done = run("config", environment={"AETHERFLOW_PORT": "http", "AETHERFLOW_LOG_LEVEL": "loud"})
    assert done.returncode == 3
    assert "AETHERFLOW_PORT" in done.stderr
    assert "AETHERFLOW_LOG_LEVEL" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///./.aetherflow/aetherflow.db", "sqlite:///./.aetherflow/aetherflow.db"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("postgresql://user:secret@host/db", "postgresql://user:****@host/db"),
        ("postgresql://user:a@b/c@host/db", "postgresql://user:****@host/db"),
        ("postgresql://host/db?user=u&password=secret", "postgresql://host/db?user=u&password=****"),
        ("rediss://:secret@host:6380/1", "rediss://:****@host:6380/1"),
        ("127.0.0.0/8,::1/128", "127.0.0.0/8,::1/128"),
    ],
)
def test_a_password_in_a_url_is_masked(url: str, shown: str) -> None:
    assert mask_url(url) == shown


def test_a_keyring_shows_its_ids_and_a_bare_key_nothing() -> None:
    assert show_keyring("new:AAAA, old:BBBB") == "new:****,old:****"
    assert show_keyring("AAAABBBBCCCC") == "****"


def test_the_timeout_of_another_product_is_heeded_unless_our_own_is_set() -> None:
    theirs, ours = "OPS_WEBHOOK_TIMEOUT_SECONDS", "AETHERFLOW_WEBHOOK_TIMEOUT_SECONDS"
    for environment, seconds in (
        ({theirs: "12"}, 12.0),
        ({theirs: "12", ours: "7"}, 7.0),
        ({theirs: ""}, 30.0),
    ):
        assert json.loads(run("config", "--output", "json", environment=environment).stdout)[ours] == seconds


@pytest.mark.parametrize("variable", ["OPS_WEBHOOK_TIMEOUT_SECONDS", "AETHERFLOW_WEBHOOK_TIMEOUT_SECONDS"])
def test_a_timeout_of_nothing_stops_the_start_and_names_its_variable(variable: str) -> None:
    ended = run("config", environment={variable: "0"})
    assert ended.returncode == 3
    assert f"{variable}:" in ended.stderr
    assert "AETHERFLOW_AETHERFLOW" not in ended.stderr
