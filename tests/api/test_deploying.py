"""Deploying: archives and forms, again and for trial, by many at the same time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.api.deployments import (
    CALL,
    FILES,
    GZIP,
    MANIFEST,
    Sample,
    deploy,
    errors_of,
    manifest_of,
    pack,
    send_form,
    state_of,
)
from tests.api.problems import assert_refused
from tests.services import Service

DRY = ({"dry_run": "true"}, {})


def test_the_first_deploy_makes_the_workflow(workspace: httpx2.Client) -> None:
    answer = deploy(workspace)
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == {"workflow", "deployment", "triggers", "plan", "changed", "warnings"}
    assert answer.headers["location"] == f"/api/v1/workflows/{told['workflow']['id']}"
    assert (told["workflow"]["name"], told["changed"], told["warnings"]) == ("sample", True, [])
    assert (told["deployment"]["version"], told["deployment"]["status"]) == (1, "active")
    assert told["workflow"]["active_deployment_id"] == told["deployment"]["id"]
    assert {change["action"] for change in told["plan"]} == {"create"}
    assert {(change["kind"], change["name"]) for change in told["plan"]} >= {
        ("workflow", "sample"),
        ("trigger", "background"),
        ("var", "TOKEN"),
    }


def test_a_url_is_long_enough_that_nobody_guesses_it(workspace: httpx2.Client) -> None:
    slugs = [trigger["slug"] for trigger in deploy(workspace).json()["triggers"]]
    # Of an alphabet of 32, so 5 bits each.
    assert all(len(slug) * 5 >= 128 for slug in slugs)
    assert len(set(slugs)) == len(slugs)


def test_the_same_files_again_change_nothing(workspace: httpx2.Client) -> None:
    first = deploy(workspace).json()
    before = state_of(workspace)
    again = deploy(workspace)
    assert again.status_code == 200
    told = again.json()
    assert told["changed"] is False
    assert {change["action"] for change in told["plan"]} == {"keep"}
    assert (told["workflow"], told["deployment"], told["triggers"]) == (
        first["workflow"],
        first["deployment"],
        first["triggers"],
    )
    assert state_of(workspace) == before


def test_other_files_make_another_deployment_and_keep_the_urls_of_triggers(workspace: httpx2.Client) -> None:
    first = deploy(workspace).json()
    changed = MANIFEST.replace("{name: busy,", "{name: busier,").replace("size > 3", "size > 4")
    answer = deploy(workspace, {**FILES, "aetherflow.yaml": changed})
    assert answer.status_code == 200
    told = answer.json()
    assert told["workflow"]["id"] == first["workflow"]["id"]
    assert (told["deployment"]["version"], told["changed"]) == (2, True)
    actions = {(one["kind"], one["name"]): one["action"] for one in told["plan"] if one["kind"] == "trigger"}
    assert actions["trigger", "busy"] == "delete"
    assert actions["trigger", "busier"] == "create"
    assert actions["trigger", "picky"] == "update"
    assert actions["trigger", "background"] == "keep"
    before = {one["name"]: one["url"] for one in first["triggers"]}
    after = {one["name"]: one["url"] for one in told["triggers"]}
    assert before.keys() - after.keys() == {"busy"}
    assert {name: url for name, url in after.items() if name != "busier"}.items() <= before.items()


def test_a_trigger_that_was_dropped_comes_back_with_another_url(
    service: Service, workspace: httpx2.Client
) -> None:
    first = Sample(service, workspace)
    deploy(workspace, manifest_of())
    assert first.call("background").status_code == 404
    again = Sample(service, workspace)
    assert again.slugs["background"] != first.slugs["background"]
    assert first.call("background").status_code == 404
    assert again.call("background").status_code == 202


def test_a_trigger_cannot_become_one_of_another_type(workspace: httpx2.Client) -> None:
    deploy(workspace, manifest_of(f"name: x, webhook: {{}}, {CALL}"))
    before = state_of(workspace)
    answer = deploy(workspace, manifest_of(f"name: x, schedule: '@daily', {CALL}"))
    (error,) = errors_of(answer, 422, "invalid_manifest")
    assert (error["file"], error["line"]) == ("aetherflow.yaml", 5)
    assert state_of(workspace) == before


def test_a_dry_run_says_what_would_happen_and_changes_nothing(workspace: httpx2.Client) -> None:
    trial = deploy(workspace, params={"dry_run": "true"})
    assert trial.status_code == 200
    assert "location" not in trial.headers
    told = trial.json()
    assert (told["workflow"], told["deployment"], told["triggers"]) == (None, None, [])
    assert (told["changed"], {change["action"] for change in told["plan"]}) == (True, {"create"})
    assert workspace.get("/workflows").json()["data"] == []
    assert deploy(workspace).json()["plan"] == told["plan"]
    before = state_of(workspace)
    secret = MANIFEST.replace("secret: true", "secret: true\n      value: another")
    trial = deploy(
        workspace, {**FILES, "aetherflow.yaml": secret, "x": "y"}, params={"dry_run": "true"}
    ).json()
    assert (trial["changed"], trial["deployment"]) == (True, None)
    assert trial["workflow"]["active_deployment_id"] == before[0][0]["active_deployment_id"]
    assert state_of(workspace) == before


def test_a_dry_run_finds_the_same_mistakes(workspace: httpx2.Client) -> None:
    files = manifest_of("name: x, webhook: {}, call: 'program.py:nobody'")
    found = [errors_of(deploy(workspace, files, params=query), 422, "invalid_manifest") for query in DRY]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "parts",
    [
        [(path, ("whatever.txt", text)) for path, text in FILES.items()],
        [("file", (f"./{path}" if "/" not in path else path, text)) for path, text in FILES.items()],
        [("files[]", (f"./{path}", text, "text/x-python")) for path, text in FILES.items()],
        [(f"./{path}", (None, text)) for path, text in FILES.items()],
    ],
    ids=["field names", "file names with a slash", "with a type", "plain fields"],
)
def test_a_form_has_a_part_for_each_file(workspace: httpx2.Client, parts: list[tuple[str, Any]]) -> None:
    answer = send_form(workspace, parts)
    assert answer.status_code == 201, answer.text
    again = deploy(workspace)
    assert (again.status_code, again.json()["changed"]) == (200, False), "an archive of the same files"


def test_an_idempotency_key_deploys_once(workspace: httpx2.Client) -> None:
    packed = pack(FILES)
    headers = {**GZIP, "Idempotency-Key": "once"}
    first, second = (workspace.post("/workflows/deploy", content=packed, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["idempotent-replayed"] == "true"
    other = workspace.post("/workflows/deploy", content=pack({**FILES, "x": "y"}), headers=headers)
    assert_refused(other, 422, "idempotency_mismatch")


def test_deploys_at_the_same_time_come_one_after_the_other(workspace: httpx2.Client) -> None:
    versions = [{**FILES, "more.txt": str(number % 3)} for number in range(9)]
    with ThreadPoolExecutor(len(versions)) as pool:
        answers = list(pool.map(lambda files: deploy(workspace, files), versions))
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    (workflow,) = workspace.get("/workflows").json()["data"]
    shown = workspace.get(f"/workflows/{workflow['id']}/deployments").json()["data"]
    assert [one["version"] for one in shown] == list(range(len(shown), 0, -1))
    assert shown[0]["id"] == workflow["active_deployment_id"]
    slugs = {trigger["slug"] for answer in answers for trigger in answer.json()["triggers"]}
    assert len(slugs) == len(answers[0].json()["triggers"])
