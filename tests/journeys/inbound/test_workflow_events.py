"""What the world hears of workflows: that they are made, changed and deleted, and nothing when nothing changed."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.catalogue import find
from tests.journeys.inbound.deployments import make_workspace, pack
from tests.journeys.inbound.published import published
from tests.services import Service

TARBALL = {"Content-Type": "application/gzip"}

MANIFEST = """
version: v2
project:
  name: orders
  vars:
    - {name: GREETING, value: Hello}
triggers:
  - {name: placed, webhook: {}, call: "program.py:handle"}
"""
PROGRAM = "def handle(event):\n    pass\n"


@pytest.fixture
def api(service: Service) -> Iterator[httpx2.Client]:
    with make_workspace(service) as client:
        yield client


def deploy(api: httpx2.Client, *, manifest: str = MANIFEST, program: str = PROGRAM) -> str:
    files = {"aetherflow.yaml": manifest, "program.py": program}
    answer = api.post("/workflows/deploy", content=pack(files), headers=TARBALL)
    return str(answer.raise_for_status().json()["workflow"]["id"])


def told(api: httpx2.Client, event_type: str) -> list[dict[str, Any]]:
    known = find(event_type)
    assert known is not None
    found = published(api, event_type)
    for data in found:
        known.model.model_validate(data)
    return found


def test_a_first_deploy_creates_a_workflow(api: httpx2.Client) -> None:
    workflow_id = deploy(api)
    [data] = told(api, "workflow.created")
    assert (data["workflow"]["id"], data["workflow"]["name"]) == (workflow_id, "orders")
    assert (data["workflow"]["status"], data["workflow"]["version"]) == ("enabled", 1)
    [trigger] = data["workflow"]["triggers"]
    assert (trigger["name"], trigger["type"]) == ("placed", "webhook")
    # Who knows the URL can start the workflow.
    assert set(trigger) == {"id", "name", "type"}
    assert told(api, "workflow.updated") == []


def test_the_same_deploy_again_is_nothing_to_speak_of(api: httpx2.Client) -> None:
    deploy(api)
    deploy(api)
    assert len(told(api, "workflow.created")) == 1
    assert told(api, "workflow.updated") == []


def test_another_deploy_tells_what_it_changed(api: httpx2.Client) -> None:
    deploy(api)
    more = MANIFEST + '  - {name: nightly, schedule: "@every 1h", call: "program.py:handle"}\n'
    deploy(api, manifest=more, program=PROGRAM + "\n")
    [data] = told(api, "workflow.updated")
    assert data["workflow"]["version"] == 2
    assert data["changes"] == {
        "version": {"from": 1, "to": 2},
        "triggers": {"from": ["placed"], "to": ["nightly", "placed"]},
        "files": {"from": ["aetherflow.yaml", "program.py"], "to": ["aetherflow.yaml", "program.py"]},
    }


def test_a_dry_run_and_a_refused_deploy_are_nothing_to_speak_of(api: httpx2.Client) -> None:
    files = {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}
    api.post("/workflows/deploy?dry_run=true", content=pack(files), headers=TARBALL).raise_for_status()
    refused = api.post("/workflows/deploy", content=pack({"program.py": PROGRAM}), headers=TARBALL)
    assert refused.status_code == 422
    assert told(api, "workflow.created") == []


def test_a_workflow_made_by_hand_is_created_and_then_updated_by_its_first_deploy(api: httpx2.Client) -> None:
    made = api.post("/workflows", json={"name": "orders"}).raise_for_status().json()["id"]
    assert deploy(api) == made
    [created] = told(api, "workflow.created")
    assert (created["workflow"]["version"], created["workflow"]["triggers"]) == (None, [])
    [updated] = told(api, "workflow.updated")
    assert updated["changes"]["version"] == {"from": None, "to": 1}


def test_a_change_tells_the_members_that_differ(api: httpx2.Client) -> None:
    path = f"/workflows/{deploy(api)}"
    api.patch(path, json={"description": "Files orders", "enabled": False}).raise_for_status()
    api.patch(path, json={"description": "Files orders", "enabled": False}).raise_for_status()
    [data] = told(api, "workflow.updated")
    assert data["workflow"]["status"] == "disabled"
    assert data["changes"] == {
        "description": {"from": None, "to": "Files orders"},
        "enabled": {"from": True, "to": False},
    }


def test_a_variable_is_told_by_name_and_never_by_value(api: httpx2.Client) -> None:
    path = f"/workflows/{deploy(api)}/vars/GREETING"
    for value in ("s3cret-one", "s3cret-one", "s3cret-two"):
        api.put(path, json={"value": value}).raise_for_status()
    api.delete(path).raise_for_status()
    found = told(api, "workflow.updated")
    assert [data["changes"] for data in found] == [
        {"vars.GREETING": {"from": None, "to": "****"}},
        {"vars.GREETING": {"from": "****", "to": "****"}},
        {"vars.GREETING": {"from": "****", "to": None}},
    ]
    assert "s3cret" not in str(found)


def test_a_deleted_workflow_is_told_with_what_it_had(api: httpx2.Client) -> None:
    workflow_id = deploy(api)
    api.delete(f"/workflows/{workflow_id}").raise_for_status()
    assert api.delete(f"/workflows/{workflow_id}").status_code == 404
    [data] = told(api, "workflow.deleted")
    assert (data["workflow"]["id"], data["workflow"]["status"]) == (workflow_id, "deleted")
    assert [trigger["name"] for trigger in data["workflow"]["triggers"]] == ["placed"]
    assert data["workflow"]["deleted_at"] == data["workflow"]["updated_at"]


def test_a_refused_change_is_nothing_to_speak_of(api: httpx2.Client) -> None:
    deploy(api)
    other = api.post("/workflows", json={"name": "other"}).raise_for_status().json()["id"]
    assert api.patch(f"/workflows/{other}", json={"name": "orders"}).status_code == 409
    assert told(api, "workflow.updated") == []
