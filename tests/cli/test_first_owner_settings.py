"""The first owner, as an operator names them."""

from pathlib import Path
from typing import Any

import pytest

from tests.services import embedded, environment_for, run

EMAIL = "Ada@Example.com"
PASSWORD = "correct horse"


def test_up_makes_the_first_owner_once_and_keeps_the_password_to_itself(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    given: dict[str, str] = {
        "bootstrap_email": EMAIL,
        "bootstrap_password_file": str(tmp_path / "password"),
    }
    seen: list[dict[str, Any]] = []
    for _ in range(2):
        with embedded(tmp_path, **given) as service:
            client = service.client(service.api_key)
            with client:
                seen.append(client.get("/members").json())
            assert PASSWORD not in "".join(service.logs().values())
    (member,) = seen[0]["data"]
    assert (member["email"], member["name"], member["role"]) == ("ada@example.com", "ada", "owner")
    assert seen[1] == seen[0]
    assert PASSWORD.encode() not in (tmp_path / "aetherflow.db").read_bytes()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"bootstrap_email": "ada"}, "set both, or neither"),
        ({"bootstrap_password": PASSWORD}, "set both, or neither"),
        (
            {"bootstrap_email": "ada", "bootstrap_password": PASSWORD},
            "BOOTSTRAP_EMAIL: must be an e-mail address",
        ),
        (
            {"bootstrap_email": EMAIL, "bootstrap_password": "sh0rt!"},
            "BOOTSTRAP_PASSWORD: must have 8 to 1024 characters",
        ),
        ({"bootstrap_email": EMAIL, "bootstrap_password": "x" * 1025}, "BOOTSTRAP_PASSWORD: must have"),
    ],
)
def test_an_owner_who_cannot_be_made_is_exit_status_3_with_the_reason(
    tmp_path: Path, given: dict[str, str], reason: str
) -> None:
    environment = environment_for(tmp_path, database_url=f"sqlite:///{tmp_path}/aetherflow.db", **given)
    done = run("up", environment=environment, folder=tmp_path)
    assert done.returncode == 3, done.stderr
    assert reason in done.stderr.splitlines()[-1]
    assert given.get("bootstrap_password", "nothing") not in done.stdout + done.stderr


def test_serve_refuses_the_same(postgres: str, redis: str, tmp_path: Path) -> None:
    environment = environment_for(
        tmp_path, database_url=postgres, redis_url=redis, bootstrap_email="ada", bootstrap_password=PASSWORD
    )
    done = run("serve", environment=environment, folder=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "AETHERFLOW_BOOTSTRAP_EMAIL" in done.stderr.splitlines()[-1]


def test_the_password_is_not_shown_among_the_settings(tmp_path: Path) -> None:
    password = "my birthday is 31-01"
    environment = environment_for(tmp_path, bootstrap_email=EMAIL, bootstrap_password=password)
    shown = run("config", environment=environment).stdout
    assert EMAIL in shown
    # Of what a person chose, not even the end.
    assert password[-4:] not in shown
