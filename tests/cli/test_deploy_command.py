"""`aetherflow deploy`."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.cli.resources.folders import read_folder
from app.errors import MalformedArchive
from app.rules.archives import MOST_BYTES
from tests.cli.conftest import CommandLine
from tests.cli.desk import files_of, write_files
from tests.services import Service


def test_a_folder_is_deployed_and_the_urls_of_its_triggers_are_shown(
    aetherflow: CommandLine, server: Service, tmp_path: Path
) -> None:
    told = aetherflow.text("deploy", str(write_files(tmp_path, files_of("deployed"))))
    assert told.startswith("Deployed deployed, version 1 (wf_")
    assert "create  workflow  deployed" in told
    rows = [line.split() for line in told.splitlines()]
    (url,) = [row[-1] for row in rows if row and row[0] == "working" and row[1] == "webhook"]
    assert server.http.post(url).status_code == 202
    (schedule,) = [row for row in rows if row and row[0] == "nightly" and row[1] == "schedule"]
    assert schedule[-6:] == ["0", "3", "*", "*", "*", "(UTC)"]


def test_the_same_files_again_change_nothing(aetherflow: CommandLine, tmp_path: Path) -> None:
    folder = str(write_files(tmp_path, files_of("again")))
    first = aetherflow.json("deploy", folder)
    second = aetherflow.json("deploy", folder)
    assert (first["changed"], second["changed"]) == (True, False)
    assert second["deployment"] == first["deployment"]
    assert aetherflow.text("deploy", folder).startswith("Nothing changed: again is at version 1 (wf_")


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    aetherflow: CommandLine, tmp_path: Path
) -> None:
    folder = write_files(tmp_path, files_of("tried"))
    told = aetherflow.text("deploy", str(folder), "--dry-run")
    assert told.startswith("tried would be created.\n")
    assert "create  trigger   working" in told
    assert aetherflow("workflows", "show", "tried").returncode == 1

    aetherflow.text("deploy", str(folder))
    assert aetherflow.text("deploy", str(folder), "--dry-run").startswith("tried would not change.\n")
    write_files(folder, {"program.py": files_of("tried")["program.py"] + "\n# later\n"})
    assert aetherflow.text("deploy", str(folder), "--dry-run").startswith("tried would change.\n")
    assert aetherflow.json("workflows", "show", "tried")["deployments"][0]["version"] == 1


def test_what_tools_leave_in_a_folder_is_not_deployed(tmp_path: Path) -> None:
    kept = {"aetherflow.yaml": "", "lib/table.py": "", ".env": "A=1", "git/x": ""}
    left = {
        ".git/config": "",
        "lib/__pycache__/table.cpython-311.pyc": "",
        "lib/old.pyc": "",
        ".aetherflow/keyring": "secret",
        "node_modules/left-pad/index.js": "",
    }
    write_files(tmp_path, {**kept, **left})
    # A link, as some tools make it, is skipped like the folder that it stands for.
    (tmp_path / ".venv").symlink_to(tmp_path.parent)
    assert read_folder(tmp_path) == {path: text.encode() for path, text in kept.items()}


def test_links_are_refused_wherever_they_lead(aetherflow: CommandLine, tmp_path: Path) -> None:
    folder = write_files(tmp_path, files_of("linked"))
    (folder / "beside.py").symlink_to("program.py")
    (folder / "outside").symlink_to("/etc")
    (folder / "nowhere.txt").symlink_to("does-not-exist")
    os.mkfifo(folder / "pipe")
    done = aetherflow("deploy", str(folder))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "aetherflow: A deployment cannot hold 4 entries of the folder.",
        "  beside.py: A deployment holds plain files and no link.",
        "  nowhere.txt: A deployment holds plain files and no link.",
        "  outside: A deployment holds plain files and no link.",
        "  pipe: A deployment holds plain files and no device.",
    ]


def test_names_that_a_deployment_cannot_hold_are_told_beside_links(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("")
    (tmp_path / "back\\slash").write_text("")
    (tmp_path / "link").symlink_to("x")
    with pytest.raises(MalformedArchive) as caught:
        read_folder(tmp_path)
    assert sorted(str(problem.file) for problem in caught.value.problems) == [
        "back\\slash",
        "caf\\udce9.txt",
        "link",
    ]


def test_more_than_a_deployment_can_hold_is_refused_without_being_sent(
    aetherflow: CommandLine, tmp_path: Path
) -> None:
    with (write_files(tmp_path, files_of("large")) / "large.bin").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    done = aetherflow("deploy", str(tmp_path))
    assert done.returncode == 1
    assert "at most 25 MiB" in done.stderr


def test_every_mistake_is_told_with_its_file_and_line(aetherflow: CommandLine, tmp_path: Path) -> None:
    manifest = """\
version: v2
project:
  name: broken
  colour: blue
triggers:
  - name: one
    type: webhook
    call: program.py:missing
  - name: two
    type: webhook
    filter: data.method ==
    call: absent.py:handle
  - name: three
    type: schedule
    schedule: "61 * * * *"
    call: other.py:handle
"""
    files = {
        "aetherflow.yaml": manifest,
        "program.py": "def handle(event): ...\n",
        "other.py": "x = 1\n\ndef handle(:\n",
    }
    done = aetherflow("deploy", str(write_files(tmp_path, files)))
    assert done.returncode == 1
    assert done.stdout == ""
    first, *mistakes = done.stderr.splitlines()
    assert "(invalid_manifest)" in first
    places = {line.strip().split(" ")[0] for line in mistakes}
    assert places >= {
        "aetherflow.yaml:4:",
        "aetherflow.yaml:8:",
        "aetherflow.yaml:11:",
        "aetherflow.yaml:12:",
        "aetherflow.yaml:15:",
        "other.py:3:",
    }
    assert aetherflow("workflows", "show", "broken").returncode == 1


def test_warnings_are_told_beside_the_result(aetherflow: CommandLine, tmp_path: Path) -> None:
    files = files_of("warned")
    done = aetherflow(
        "deploy", str(write_files(tmp_path, {**files, "autokitteh.yaml": files["aetherflow.yaml"]}))
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Deployed warned")
    assert "autokitteh.yaml" in done.stderr


@pytest.mark.parametrize("name", ["absent", "file.txt"])
def test_what_is_no_folder_is_wrong_use(aetherflow: CommandLine, tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("")
    done = aetherflow("deploy", str(tmp_path / name))
    assert done.returncode == 2
    assert "is no folder" in done.stderr


def test_the_answer_of_the_api_is_what_json_output_holds(desk: dict[str, Any]) -> None:
    assert desk.keys() == {"workflow", "deployment", "triggers", "plan", "changed", "warnings"}
    assert desk["triggers"][0]["url"].startswith("http://127.0.0.1:")
