"""Settings that name a database which cannot be used: told in a line, never by a traceback."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.services import environment_for, run

EVERY_COMMAND = [["up"], ["migrate"], ["keys", "list"]]


def check(words: Sequence[str], environment: dict[str, str], folder: Path, *, status: int = 3) -> str:
    """Run a command that must fail with a line that names a setting; returns that line."""
    done = run(*words, environment=environment, folder=folder)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("aetherflow: AETHERFLOW_"), last
    return last


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_a_file_that_is_no_database(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Not a database, but long enough to look like one to nobody." * 20)
    environment = environment_for(tmp_path, database_url="sqlite:///notes.txt")
    assert "file is not a database" in check(words, environment, tmp_path)
    doctor = run("doctor", environment=environment, folder=tmp_path)
    assert doctor.returncode == 1
    assert "fail  database: does not answer: file is not a database" in doctor.stdout


@pytest.mark.parametrize("words", EVERY_COMMAND[1:], ids=" ".join)
def test_a_password_that_is_wrong(words: list[str], postgres: str, tmp_path: Path) -> None:
    url = re.sub(r":[^:@]*@", ":wrong-password@", postgres)
    environment = environment_for(tmp_path, database_url=url)
    assert "password authentication failed" in check(words, environment, tmp_path)
    doctor = run("doctor", environment=environment, folder=tmp_path)
    assert doctor.returncode == 1
    assert "password authentication failed" in doctor.stdout
    assert "wrong-password" not in doctor.stdout + doctor.stderr


def test_a_database_that_nobody_made(postgres: str, tmp_path: Path) -> None:
    url = re.sub(r"/[^/]*$", "/nowhere", postgres)
    environment = environment_for(tmp_path, database_url=url, redis_url="redis://127.0.0.1:1/0")
    for words in ["migrate"], ["serve"], ["worker"]:
        assert '"nowhere" does not exist' in check(words, environment, tmp_path)


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # A folder where the lock should be: that stops even root.
    (tmp_path / "data" / "lock").mkdir(parents=True)
    environment = environment_for(tmp_path, database_url="sqlite:///data/aetherflow.db")
    assert "cannot write to" in check(["up"], environment, tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"k1:short"], ids=str)
def test_a_keyring_file_that_is_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keyring").write_bytes(content)
    environment = environment_for(tmp_path, database_url="sqlite:///data/aetherflow.db", keyring="")
    assert "AETHERFLOW_KEYRING" in check(["up"], environment, tmp_path)
