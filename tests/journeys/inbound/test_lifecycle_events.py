"""What the world hears of a session: that it runs, once, and how it ended, once."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.catalogue import find
from tests.journeys.inbound.deployments import Deployed, deploy, make_workspace
from tests.journeys.inbound.published import end_of, published, told_of
from tests.services import Service
from tests.waiting import until

MANIFEST = """
version: v2
project: {name: NAME}
triggers:
  - {name: answered, webhook: {}, is_sync: true, call: "program.py:work"}
  - {name: behind, webhook: {}, call: "program.py:work"}
  - {name: durable, webhook: {}, is_durable: true, call: "program.py:work_durably"}
  - {name: broken, webhook: {}, call: "program.py:fail"}
  - {name: broken_answer, webhook: {}, is_sync: true, call: "program.py:fail"}
  - {name: dies, webhook: {}, call: "program.py:die"}
  - {name: slow, webhook: {}, max_seconds: 1, call: "program.py:spin"}
  - {name: doze, webhook: {}, is_durable: true, call: "program.py:doze"}
  - {name: parent, webhook: {}, call: "program.py:begin"}
  - {name: great, webhook: {}, call: "program.py:tell_much"}
"""

PROGRAM = """
import os
from aetherflow import custom_data, print, sleep, start, step

def work(event):
    with step("Read the order"):
        pass
    with step("File it"):
        custom_data(order=2**70, name="Ada")
    custom_data(approved=True)
    return {"done": True}

def work_durably(event):
    with step("Before the wait"):
        pass
    sleep(3)
    with step("After the wait"):
        pass

def fail(event):
    with step("Read the order"):
        pass
    with step("File it"):
        raise ValueError("the shelf is full")

def die(event):
    os._exit(7)

def spin(event):
    while True:
        pass

def doze(event):
    sleep(600)

def begin(event):
    return start("program.py:work")

def tell_much(event):
    for n in range(300):
        with step(f"step {n}"):
            pass
    custom_data(much="x" * 300_000)
""".replace(", print", "")


@pytest.fixture(scope="module")
def api(service: Service) -> Iterator[httpx2.Client]:
    with make_workspace(service) as client:
        yield client


@pytest.fixture(scope="module")
def deployed(service: Service, api: httpx2.Client) -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}, api=api)


def begin(deployed: Deployed, trigger: str) -> str:
    return str(deployed.call(trigger).headers["aetherflow-session-id"])


def check(event_type: str, data: dict[str, Any]) -> None:
    """See that a payload is what the catalogue says."""
    known = find(event_type)
    assert known is not None
    known.model.model_validate(data)


@pytest.mark.parametrize("trigger", ["answered", "behind"])
def test_a_session_is_told_of_when_it_begins_and_when_it_completes(
    deployed: Deployed, api: httpx2.Client, trigger: str
) -> None:
    session_id = begin(deployed, trigger)
    end = end_of(api, session_id)
    assert end.pop("type") == "workflow.completed"
    check("workflow.completed", end)
    [start] = told_of(api, session_id, "workflow.executed")
    check("workflow.executed", start)
    session = api.get(f"/sessions/{session_id}").json()
    name = start["workflow"]["name"]
    assert start == {
        "workflow": {
            "id": deployed.workflow_id,
            "name": name,
            "status": "running",
            "executed_at": start["workflow"]["executed_at"],
        },
        "execution": {"id": session_id, "trigger": trigger},
    }
    assert start["workflow"]["executed_at"][:23] == session["started_at"][:23]
    assert end["workflow"]["id"] == deployed.workflow_id
    assert (end["workflow"]["name"], end["workflow"]["status"]) == (name, "completed")
    assert isinstance(end["workflow"]["execution_time"], int)
    assert end["workflow"]["executed_at"] == start["workflow"]["executed_at"]
    assert [(s["id"], s["name"], s["status"]) for s in end["steps"]] == [
        ("step_1", "Read the order", "completed"),
        ("step_2", "File it", "completed"),
    ]
    assert all(isinstance(step["duration"], int) for step in end["steps"])
    assert end["custom_data"] == {"order": 2**70, "name": "Ada", "approved": True}


@pytest.mark.parametrize("trigger", ["broken", "broken_answer"])
def test_a_failed_session_says_where_and_why(deployed: Deployed, api: httpx2.Client, trigger: str) -> None:
    session_id = begin(deployed, trigger)
    end = end_of(api, session_id)
    assert end.pop("type") == "workflow.failed"
    check("workflow.failed", end)
    assert end["workflow"]["status"] == "failed"
    assert "the shelf is full" in end["workflow"]["error_message"]
    assert end["error_details"] == {
        "step": "step_2",
        "integration": None,
        "error_code": "HANDLER_ERROR",
        "retry_count": 0,
    }
    assert len(told_of(api, session_id, "workflow.executed")) == 1


def test_a_session_whose_process_dies_is_told_of_once_however_often_it_was_tried(
    deployed: Deployed, api: httpx2.Client
) -> None:
    session_id = begin(deployed, "dies")
    end = end_of(api, session_id)
    assert (end["error_details"]["error_code"], end["error_details"]["retry_count"]) == ("PROCESS_DIED", 2)
    assert len(told_of(api, session_id, "workflow.executed")) == 1


def test_a_session_beyond_its_time_says_so(deployed: Deployed, api: httpx2.Client) -> None:
    assert end_of(api, begin(deployed, "slow"))["error_details"]["error_code"] == "TIMEOUT"


def test_a_session_that_was_parked_and_woken_begins_and_ends_once(
    deployed: Deployed, api: httpx2.Client
) -> None:
    session_id = begin(deployed, "durable")
    end = end_of(api, session_id)
    assert len(told_of(api, session_id, "workflow.executed")) == 1
    assert [step["name"] for step in end["steps"]] == ["Before the wait", "After the wait"]
    assert end["workflow"]["execution_time"] >= 3_000


@pytest.mark.parametrize("parked", [False, True], ids=["in its process", "parked"])
def test_a_stopped_session_has_failed_by_somebody_s_will(
    deployed: Deployed, api: httpx2.Client, parked: bool
) -> None:
    session_id = begin(deployed, "doze")
    path = f"/sessions/{session_id}"

    def log() -> list[str]:
        return [entry["kind"] for entry in api.get(f"{path}/log").json()["data"]]

    until(lambda: api.get(path).json()["status"] == "waiting", what="it waits")
    if parked:
        # Two seconds of waiting, after which it gives its process up.
        until(lambda: api.get(path).json()["status"] == "waiting" and "state" in log(), what="it is parked")
    api.post(f"{path}/stop", json={"reason": "enough"}).raise_for_status()
    end = end_of(api, session_id)
    assert (end["type"], end["workflow"]["error_message"]) == ("workflow.failed", "enough")
    assert end["error_details"]["error_code"] == "STOPPED"
    assert len(told_of(api, session_id, "workflow.executed")) == 1


def test_a_session_that_another_one_starts_is_told_of_as_well(deployed: Deployed, api: httpx2.Client) -> None:
    child = session_of_workspace(api, begin(deployed, "parent"))["result"]
    assert end_of(api, child)["execution"] == {"id": child, "trigger": None}
    assert len(told_of(api, child, "workflow.executed")) == 1


def test_a_session_outlives_its_workflow_and_is_told_of_under_its_name(
    service: Service, api: httpx2.Client
) -> None:
    other = deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}, api=api)
    session_id = begin(other, "durable")
    until(lambda: told_of(api, session_id, "workflow.executed"), what="the session has begun")
    api.delete(f"/workflows/{other.workflow_id}").raise_for_status()
    end = end_of(api, session_id)
    [deleted] = [
        data for data in published(api, "workflow.deleted") if data["workflow"]["id"] == other.workflow_id
    ]
    assert (end["type"], end["workflow"]["name"]) == ("workflow.completed", deleted["workflow"]["name"])
    assert end["execution"]["trigger"] == "durable"


def test_an_end_with_more_than_an_event_can_hold_tells_what_fits(
    deployed: Deployed, api: httpx2.Client
) -> None:
    end = end_of(api, begin(deployed, "great"))
    assert end["custom_data"] == {}
    assert end["steps"][-1]["name"] == "step 299"


def session_of_workspace(api: httpx2.Client, session_id: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        session: dict[str, Any] = api.get(f"/sessions/{session_id}").raise_for_status().json()
        return session if session["finished_at"] else None

    session = until(ended, what="the session has ended")
    assert session is not None
    return session
