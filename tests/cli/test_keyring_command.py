"""`aetherflow keyring`."""

import json
import re
from pathlib import Path

import pytest

from tests.services import embedded, run


def new_entry(*arguments: str) -> str:
    done = run("keyring", "new", *arguments, environment={})
    assert done.returncode == 0
    return done.stdout.strip()


def test_a_new_entry_is_one_that_a_keyring_can_have() -> None:
    first, second = new_entry(), new_entry()
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{43}=", first)
    assert first.split(":")[0] != second.split(":")[0]
    assert new_entry("--id", "of_2027").startswith("of_2027:")


@pytest.mark.parametrize("key_id", ["", "with space", "x" * 33])
def test_an_id_that_no_keyring_can_have_is_wrong_use(key_id: str) -> None:
    assert run("keyring", "new", "--id", key_id, environment={}).returncode == 2


def test_after_a_rotation_the_old_key_is_not_needed(folder: Path) -> None:
    old, new = new_entry("--id", "old"), new_entry("--id", "new")
    with embedded(folder, keyring=old) as service:
        given = {
            "url": "https://example.com/",
            "headers": {"X-Token": "t0ken-of-theirs"},
            "schemes": ["v1", "v1a"],
        }
        endpoint = service.api.post("/endpoints", json=given).json()
        environment = dict(service.environment)

    without_old = run(
        "keyring", "rewrap", environment={**environment, "AETHERFLOW_KEYRING": new}, folder=folder
    )
    assert without_old.returncode == 3
    assert "lacks old" in without_old.stderr

    both = {**environment, "AETHERFLOW_KEYRING": f"{new},{old}"}
    first = run("keyring", "rewrap", "--output", "json", environment=both, folder=folder)
    # The secret, the Ed25519 pair, and the headers.
    assert json.loads(first.stdout) == {"rewrapped": 3}
    again = run("keyring", "rewrap", environment=both, folder=folder)
    assert again.stdout.startswith("Sealed 0 values again")

    with embedded(
        folder, keyring=new, bootstrap_api_key=environment["AETHERFLOW_BOOTSTRAP_API_KEY"]
    ) as service:
        shown = service.api.get(f"/endpoints/{endpoint['id']}").json()
        assert shown["public_key"] == endpoint["public_key"]
        assert shown["headers"].keys() == {"X-Token"}
