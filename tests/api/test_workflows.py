"""Workflows: create, change, delete; their triggers, deployments and variables; sessions by hand."""

from typing import Any

import httpx2
import pytest

from tests.api.deployments import FILES, MANIFEST, Sample, deploy
from tests.api.problems import assert_refused
from tests.services import Service

# For what is refused before the database is asked.
in_one_wiring = pytest.mark.parametrize("service", ["embedded"], indirect=True)

MEMBERS = {"id", "name", "description", "enabled", "active_deployment_id", "created_at", "updated_at"}


@pytest.fixture
def sample(service: Service, workspace: httpx2.Client) -> Sample:
    return Sample(service, workspace)


def create(workspace: httpx2.Client, name: str = "orders", **members: Any) -> dict[str, Any]:
    answer = workspace.post("/workflows", json={"name": name, **members})
    assert answer.status_code == 201, answer.text
    workflow: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/workflows/{workflow['id']}"
    return workflow


def test_a_new_workflow_is_enabled_and_has_nothing_yet(workspace: httpx2.Client) -> None:
    workflow = create(workspace, description="All orders 🦉")
    assert workflow.keys() == MEMBERS
    assert workflow["id"].startswith("wf_")
    assert (workflow["name"], workflow["description"]) == ("orders", "All orders 🦉")
    assert (workflow["enabled"], workflow["active_deployment_id"]) == (True, None)
    shown = workspace.get(f"/workflows/{workflow['id']}").json()
    assert shown == {**workflow, "triggers": [], "deployments": [], "vars": []}
    assert workspace.get("/workflows").json() == {"data": [workflow], "next_cursor": None}


def test_a_name_is_free_for_one_live_workflow_of_a_workspace(
    workspace: httpx2.Client, stranger: httpx2.Client
) -> None:
    first = create(workspace)
    assert_refused(workspace.post("/workflows", json={"name": "orders"}), 409, "conflict", "/name")
    create(stranger)
    assert workspace.delete(f"/workflows/{first['id']}").status_code == 204
    assert create(workspace)["id"] != first["id"]


@in_one_wiring
@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a" * 65, "naïve", "a\n", "../x", "a.b", None, 5, "x\u0000"]
)
def test_a_name_that_no_project_can_have_is_refused(workspace: httpx2.Client, name: Any) -> None:
    assert_refused(workspace.post("/workflows", json={"name": name}), 422, "invalid", "/name")


@in_one_wiring
@pytest.mark.parametrize("member", ["description", "enabled", "name"])
def test_members_of_another_type_are_refused(workspace: httpx2.Client, member: str) -> None:
    workflow = create(workspace)
    for value in (5, ["x"], {"a": "b"}):
        answer = workspace.patch(f"/workflows/{workflow['id']}", json={member: value})
        assert_refused(answer, 422, "invalid", f"/{member}")


def test_a_workflow_made_before_its_first_deploy_is_the_one_that_is_deployed(
    workspace: httpx2.Client,
) -> None:
    workflow = create(workspace, "sample")
    answer = deploy(workspace)
    assert answer.status_code == 200, answer.text
    assert answer.json()["workflow"]["id"] == workflow["id"]


def test_members_that_a_change_does_not_name_stay(workspace: httpx2.Client) -> None:
    workflow = create(workspace, description="old")
    path = f"/workflows/{workflow['id']}"
    renamed = workspace.patch(path, json={"name": "invoices"}).json()
    assert (renamed["name"], renamed["description"], renamed["enabled"]) == ("invoices", "old", True)
    assert renamed["updated_at"] > workflow["updated_at"]
    assert workspace.patch(path, json={"description": None}).json()["description"] is None
    assert workspace.patch(path, json={"enabled": False}).json()["enabled"] is False
    assert workspace.patch(path, json={"enabled": None}).json()["enabled"] is True


@pytest.mark.parametrize("change", [{}, {"name": "orders"}, {"description": "d", "enabled": True}])
def test_a_change_that_changes_nothing_leaves_no_trace(
    workspace: httpx2.Client, change: dict[str, Any]
) -> None:
    workflow = create(workspace, description="d")
    assert workspace.patch(f"/workflows/{workflow['id']}", json=change).json() == workflow


def test_a_workflow_cannot_take_the_name_of_another(workspace: httpx2.Client) -> None:
    create(workspace, "taken")
    workflow = create(workspace, "free")
    answer = workspace.patch(f"/workflows/{workflow['id']}", json={"name": "taken"})
    assert_refused(answer, 409, "conflict", "/name")
    assert workspace.get(f"/workflows/{workflow['id']}").json()["name"] == "free"


def test_a_disabled_workflow_takes_no_requests_and_starts_nothing(sample: Sample) -> None:
    before = sample.begin("background")
    sample.client.patch(sample.path, json={"enabled": False})
    unknown = sample.service.http.post("/webhooks/nosuchslug")
    refused = sample.call("background")
    assert refused.status_code == unknown.status_code == 404
    assert refused.json()["detail"] == unknown.json()["detail"]
    for path in (f"{sample.path}/sessions", f"/sessions/{before['id']}/rerun"):
        assert_refused(
            sample.client.post(path, json={"trigger": "background"} if "workflows" in path else {}),
            409,
            "conflict",
        )
    sample.client.patch(sample.path, json={"enabled": True})
    assert sample.call("background").status_code == 202


def test_a_deleted_workflow_is_gone_and_what_it_did_is_not(sample: Sample) -> None:
    session = sample.begin("background")
    assert sample.client.delete(sample.path).status_code == 204
    assert sample.call("background").status_code == 404
    assert_refused(sample.client.get(sample.path), 404, "not_found")
    assert_refused(sample.client.delete(sample.path), 404, "not_found")
    assert_refused(sample.client.post(f"{sample.path}/sessions", json={}), 404, "not_found")
    assert sample.session(session["id"]) == session
    assert sample.client.get(f"/requests/{session['request_id']}").status_code == 200
    for path in (f"/sessions/{session['id']}/rerun", f"/requests/{session['request_id']}/redispatch"):
        assert_refused(sample.client.post(path), 409, "conflict")


def test_sessions_that_have_begun_outlive_their_workflow(sample: Sample) -> None:
    waiting = sample.begin("waiter", until_status=("waiting",))
    sample.client.delete(sample.path)
    assert sample.session(waiting["id"])["status"] == "waiting"
    sample.client.post(f"/sessions/{waiting['id']}/stop")
    assert sample.wait(waiting["id"])["status"] == "stopped"


def test_a_name_deployed_again_after_a_deletion_is_another_workflow_with_other_urls(sample: Sample) -> None:
    sample.client.delete(sample.path)
    again = Sample(sample.service, sample.client)
    assert again.id != sample.id
    assert again.slugs["background"] != sample.slugs["background"]


def test_the_list_can_be_cut_to_a_name_and_to_the_disabled(workspace: httpx2.Client) -> None:
    create(workspace, "a")
    other = create(workspace, "b")
    disabled = workspace.patch(f"/workflows/{other['id']}", json={"enabled": False}).json()
    for query in ({"name": "b"}, {"enabled": "false"}):
        assert workspace.get("/workflows", params=query).json()["data"] == [disabled]


def test_triggers_come_with_their_urls(sample: Sample) -> None:
    shown = sample.client.get(f"{sample.path}/triggers").json()
    assert shown["next_cursor"] is None
    triggers = {one["name"]: one for one in shown["data"]}
    assert triggers.keys() == sample.slugs.keys()
    background = triggers["background"]
    assert background["url"] == f"{sample.service.url}/webhooks/{background['slug']}"
    assert (background["type"], background["call"]) == ("webhook", "program.py:background")
    assert sample.client.get(sample.path).json()["triggers"] == sample.deployed["triggers"]
    first = sample.client.get(f"{sample.path}/triggers", params={"limit": 1}).json()
    rest = sample.client.get(f"{sample.path}/triggers", params={"cursor": first["next_cursor"]}).json()
    assert first["data"] + rest["data"] == shown["data"]


def test_a_cursor_of_another_workflow_s_triggers_is_foreign(
    service: Service, workspace: httpx2.Client
) -> None:
    one = Sample(service, workspace)
    other = create(workspace)
    cursor = workspace.get(f"{one.path}/triggers", params={"limit": 1}).json()["next_cursor"]
    answer = workspace.get(f"/workflows/{other['id']}/triggers", params={"cursor": cursor})
    assert_refused(answer, 422, "invalid_cursor", "?cursor")


def test_a_replaced_deployment_drains_until_its_sessions_have_ended(sample: Sample) -> None:
    waiting = sample.begin("park", until_status=("waiting",))
    second = deploy(sample.client, {**FILES, "more.txt": "2"}).json()["deployment"]
    third = deploy(sample.client, {**FILES, "more.txt": "3"}).json()["deployment"]
    path = f"{sample.path}/deployments"
    assert [(one["version"], one["status"]) for one in sample.client.get(path).json()["data"]] == [
        (3, "active"),
        (2, "inactive"),
        (1, "draining"),
    ]
    sample.client.post(f"/sessions/{waiting['id']}/stop")
    sample.wait(waiting["id"])
    shown = sample.client.get(path).json()["data"]
    assert [one["status"] for one in shown] == ["active", "inactive", "inactive"]
    assert [one["id"] for one in shown[:2]] == [third["id"], second["id"]]


def test_variables_are_listed_by_name_with_the_manifest_s_values(sample: Sample) -> None:
    greeting = {
        "name": "GREETING",
        "value": "Hello",
        "secret": False,
        "declared": True,
        "description": None,
        "updated_at": None,
    }
    token = {**greeting, "name": "TOKEN", "value": None, "secret": True}
    assert sample.client.get(f"{sample.path}/vars").json() == {"data": [greeting, token]}
    assert sample.client.get(sample.path).json()["vars"] == [greeting, token]


def test_a_variable_that_was_set_is_masked_beats_the_manifest_and_can_be_removed(sample: Sample) -> None:
    path = f"{sample.path}/vars/GREETING"
    shown = sample.client.put(path, json={"value": "Moin moin, this is long enough"})
    assert shown.status_code == 200
    assert (shown.json()["value"], shown.json()["secret"]) == ("****", True)
    assert sample.client.get(f"{sample.path}/vars").json()["data"][0] == shown.json()
    again = sample.client.put(path, json={"value": "Moin moin, this is long enough"})
    assert again.json() == shown.json(), "the same value changes nothing"
    assert sample.client.delete(path).status_code == 204
    assert sample.client.get(f"{sample.path}/vars").json()["data"][0]["value"] == "Hello"
    assert_refused(sample.client.delete(path), 404, "not_found")


def test_handlers_see_a_variable_as_soon_as_it_is_set(service: Service, workspace: httpx2.Client) -> None:
    program = (
        "import os\n\ndef handle(event):\n    return [os.environ.get('TOKEN'), os.environ['GREETING']]\n"
    )
    manifest = MANIFEST.partition("triggers:")[0] + (
        'triggers:\n  - {name: api, webhook: {}, is_sync: true, call: "program.py:handle"}\n'
    )
    sample = Sample(service, workspace, {"aetherflow.yaml": manifest, "program.py": program})
    assert sample.call("api").json() == [None, "Hello"]
    for value in ("first", "", "ünï\ncode 🦉"):
        workspace.put(f"{sample.path}/vars/TOKEN", json={"value": value})
        assert sample.call("api").json() == [value, "Hello"]
    workspace.delete(f"{sample.path}/vars/TOKEN")
    assert sample.call("api").json() == [None, "Hello"]


def test_a_variable_can_be_set_before_the_first_deploy(workspace: httpx2.Client) -> None:
    workflow = create(workspace)
    shown = workspace.put(f"/workflows/{workflow['id']}/vars/TOKEN", json={"value": "x"}).json()
    assert (shown["value"], shown["declared"]) == ("****", False)


@in_one_wiring
@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "AETHERFLOW_KEYRING", "a-b", "a" * 65])
def test_a_variable_that_handlers_cannot_have_is_refused(workspace: httpx2.Client, name: str) -> None:
    workflow = create(workspace)
    answer = workspace.put(f"/workflows/{workflow['id']}/vars/{name}", json={"value": "x"})
    assert_refused(answer, 422, "invalid")


@in_one_wiring
@pytest.mark.parametrize("value", ["x\0y", "x" * 65_537, "🦉" * 20_000, 5, None])
def test_a_value_that_an_environment_cannot_hold_is_refused(workspace: httpx2.Client, value: Any) -> None:
    workflow = create(workspace)
    answer = workspace.put(f"/workflows/{workflow['id']}/vars/TOKEN", json={"value": value})
    problem = assert_refused(answer, 422, "invalid", "/value")
    assert "xxxx" not in str(problem)


def test_a_trigger_s_function_is_started_by_hand_with_data(
    service: Service, workspace: httpx2.Client
) -> None:
    manifest = MANIFEST.partition("triggers:")[0] + (
        'triggers:\n  - {name: api, webhook: {}, call: "program.py:show_data"}\n'
        "  - {name: every_day, schedule: '@daily', call: 'program.py:show_data'}\n"
    )
    sample = Sample(service, workspace, {**FILES, "aetherflow.yaml": manifest})
    for trigger, event_type in (("api", "start"), ("every_day", "tick")):
        answer = workspace.post(f"{sample.path}/sessions", json={"trigger": trigger, "data": {"order": [7]}})
        assert answer.status_code == 202
        assert answer.json().keys() == {"id"}
        assert answer.headers["location"] == f"/api/v1/sessions/{answer.json()['id']}"
        session = sample.wait(answer.json()["id"])
        assert session["result"] == {"type": event_type, "data": {"order": [7]}}
        assert (session["trigger"], session["request_id"], session["is_sync"]) == (trigger, None, False)


def test_any_function_of_the_deployment_is_started_by_hand(sample: Sample) -> None:
    started = sample.client.post(f"{sample.path}/sessions", json={"call": "program.py show_data"}).json()
    session = sample.wait(started["id"])
    assert (session["call"], session["trigger"]) == ("program.py:show_data", None)
    assert session["result"] == {"type": "start", "data": {}}


def test_the_only_trigger_that_calls_something_need_not_be_named(
    service: Service, workspace: httpx2.Client
) -> None:
    manifest = MANIFEST.partition("triggers:")[0] + (
        'triggers:\n  - {name: only, webhook: {}, call: "program.py:show_data"}\n  - {name: x, webhook: {}}\n'
    )
    sample = Sample(service, workspace, {**FILES, "aetherflow.yaml": manifest})
    started = workspace.post(f"{sample.path}/sessions").json()
    assert sample.wait(started["id"])["trigger"] == "only"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "/trigger"),
        ({"trigger": "nobody"}, "/trigger"),
        ({"trigger": "calls_nothing"}, "/trigger"),
        ({"trigger": "background", "call": "program.py:park"}, "/call"),
        ({"call": "program.py"}, "/call"),
        ({"call": "program.py:nobody"}, "/call"),
        ({"call": "elsewhere.py:park"}, "/call"),
        ({"call": "../program.py:park"}, "/call"),
        ({"call": "/etc/passwd.py:park"}, "/call"),
        ({"call": "program.py:os.system"}, "/call"),
        ({"trigger": "x\u0000"}, "/trigger"),
        ({"trigger": "background", "data": [1]}, "/data"),
    ],
)
def test_a_start_that_leads_nowhere_is_refused(sample: Sample, body: dict[str, Any], path: str) -> None:
    assert_refused(sample.client.post(f"{sample.path}/sessions", json=body), 422, "invalid", path)
    assert sample.client.get(f"{sample.path}/sessions").json()["data"] == []


def test_nothing_can_be_started_before_the_first_deploy(workspace: httpx2.Client) -> None:
    workflow = create(workspace)
    answer = workspace.post(f"/workflows/{workflow['id']}/sessions", json={"call": "a.py:b"})
    assert_refused(answer, 409, "conflict")


def test_a_start_with_an_idempotency_key_happens_once(sample: Sample) -> None:
    headers = {"Idempotency-Key": "only-once"}
    body = {"trigger": "background"}
    first, second = (
        sample.client.post(f"{sample.path}/sessions", json=body, headers=headers) for _ in range(2)
    )
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert len(sample.client.get(f"{sample.path}/sessions").json()["data"]) == 1
