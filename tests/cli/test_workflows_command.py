"""`aetherflow workflows` and `aetherflow vars`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.cli.desk import files_of, write_files
from tests.services import Service


@pytest.fixture
def own(aetherflow: CommandLine, server: Service, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A workflow `own`, gone after the test."""
    deployed = aetherflow.json("deploy", str(write_files(tmp_path / "own", files_of("own"))))
    yield deployed
    server.api.delete(f"/workflows/{deployed['workflow']['id']}")


def test_workflows_are_listed(aetherflow: CommandLine, own: dict[str, Any]) -> None:
    page = aetherflow.json("workflows", "list")
    assert page["data"][0] == own["workflow"]
    first, second, *_ = aetherflow.text("workflows", "list").splitlines()
    assert first.split() == ["ID", "NAME", "ENABLED", "DEPLOYMENT", "CHANGED"]
    assert second.split()[:3] == [own["workflow"]["id"], "own", "yes"]


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_workflow_is_shown_with_urls_deployments_and_variables(
    aetherflow: CommandLine, own: dict[str, Any], by: str
) -> None:
    shown = aetherflow.json("workflows", "show", own["workflow"][by])
    assert shown["triggers"] == own["triggers"]
    assert [row["id"] for row in shown["deployments"]] == [own["deployment"]["id"]]
    assert [row["name"] for row in shown["vars"]] == ["GREETING", "TOKEN"]
    told = aetherflow.text("workflows", "show", own["workflow"][by])
    for trigger in own["triggers"]:
        assert (trigger["url"] or "0 3 * * * (UTC)") in told
    assert own["deployment"]["id"] in told
    assert "GREETING" in told


def test_a_disabled_workflow_answers_404_until_it_is_enabled(
    aetherflow: CommandLine, own: dict[str, Any]
) -> None:
    words = ("trigger", "working", "--workflow", "own")
    assert aetherflow.text("workflows", "disable", "own") == "own is disabled.\n"
    refused = aetherflow(*words)
    assert refused.returncode == 1
    assert refused.stdout.startswith("404 ")
    assert refused.stderr.startswith("aetherflow: own is disabled, so its URLs answer 404.\n")
    assert aetherflow.json("workflows", "enable", own["workflow"]["id"])["enabled"] is True
    assert aetherflow(*words).returncode == 0


def test_a_deleted_workflow_is_gone(aetherflow: CommandLine, own: dict[str, Any], server: Service) -> None:
    assert aetherflow.json("workflows", "delete", "own") == {"id": own["workflow"]["id"], "deleted": True}
    again = aetherflow("workflows", "delete", "own")
    assert again.returncode == 1
    assert again.stderr == "aetherflow: there is no workflow own; see `aetherflow workflows list`.\n"
    assert server.http.post(own["triggers"][0]["url"]).status_code == 404


def token(aetherflow: CommandLine) -> Any:
    """Return what a handler finds in its environment."""
    shown = aetherflow.json("trigger", "working", "--workflow", "own", "--sync")
    return json.loads(shown["body"])["token"]


def test_a_secret_reaches_handlers_and_is_never_shown(aetherflow: CommandLine, own: dict[str, Any]) -> None:
    assert token(aetherflow) is None
    done = aetherflow("vars", "set", "own", "TOKEN", "tr0ub4dor")
    assert (done.returncode, done.stdout) == (0, "Set TOKEN of own.\n")
    assert token(aetherflow) == "tr0ub4dor"
    for words in (["vars", "list", "own"], ["workflows", "show", "own"]):
        for output in ("json", "table"):
            assert "tr0ub4dor" not in aetherflow.text(*words, "--output", output)
    rows = aetherflow.json("vars", "list", "own")["data"]
    assert [(row["name"], row["value"], row["secret"]) for row in rows] == [
        ("GREETING", "Hello", False),
        ("TOKEN", "****", True),
    ]
    assert "TOKEN     ****" in aetherflow.text("vars", "list", "own")


@pytest.mark.parametrize("words", [["-"], []], ids=["dash", "no value"])
def test_a_value_is_read_from_standard_input_without_its_last_line_break(
    aetherflow: CommandLine, own: dict[str, Any], words: list[str]
) -> None:
    done = aetherflow.fed("zwei\nZeilen é\n".encode(), "vars", "set", "own", "TOKEN", *words)
    assert done.returncode == 0, done.stderr
    assert token(aetherflow) == "zwei\nZeilen é"


def test_a_value_may_be_empty(aetherflow: CommandLine, own: dict[str, Any]) -> None:
    aetherflow.text("vars", "set", "own", "TOKEN", "")
    assert token(aetherflow) == ""


def test_a_deleted_value_leaves_the_manifests_own(aetherflow: CommandLine, own: dict[str, Any]) -> None:
    aetherflow.text("vars", "set", "own", "GREETING", "Moin")
    assert aetherflow.text("vars", "delete", "own", "GREETING") == "Deleted GREETING of own.\n"
    assert aetherflow.json("vars", "list", "own")["data"][0]["value"] == "Hello"
    assert aetherflow("vars", "delete", "own", "GREETING").returncode == 1


def test_a_value_that_is_no_utf_8_is_wrong_use(aetherflow: CommandLine, own: dict[str, Any]) -> None:
    piped = aetherflow.fed(b"\xff", "vars", "set", "own", "TOKEN")
    typed = aetherflow.fed(b"", "vars", "set", "own", "TOKEN", b"\xff".decode(errors="surrogateescape"))
    for done in (piped, typed):
        assert done.returncode == 2
        assert b"is no UTF-8" in done.stderr


def test_a_name_that_no_variable_can_have_is_refused(aetherflow: CommandLine, own: dict[str, Any]) -> None:
    done = aetherflow("vars", "set", "own", "PATH", "/tmp")
    assert done.returncode == 1
    assert done.stderr.count("\n") >= 1
