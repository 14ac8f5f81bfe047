"""Sessions: what is shown of them, their logs, stopping them and running them again."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.deployments import FILES, MANIFEST, PROGRAM, Sample, deploy
from tests.api.problems import assert_refused
from tests.services import Service, embedded
from tests.waiting import until

MEMBERS = {
    "id", "workflow_id", "deployment_id", "trigger_id", "trigger", "request_id", "parent_id", "call", "status",
    "is_durable", "is_sync", "attempt", "created_at", "started_at", "finished_at", "stopping_at", "stop_reason",
    "error",
}  # fmt: skip
MORE_MEMBERS = {"outcome", "result", "steps", "custom_data", "memo"}


@pytest.fixture
def sample(service: Service, workspace: httpx2.Client) -> Sample:
    return Sample(service, workspace)


def stop(sample: Sample, session_id: str, **body: Any) -> httpx2.Response:
    return sample.client.post(f"/sessions/{session_id}/stop", json=body)


def ids(answer: httpx2.Response) -> list[str]:
    return [one["id"] for one in answer.raise_for_status().json()["data"]]


def test_a_finished_session_shows_where_it_came_from_and_what_it_left(sample: Sample) -> None:
    session = sample.begin("detailed")
    assert session.keys() == MEMBERS | MORE_MEMBERS
    assert (session["workflow_id"], session["trigger"], session["call"]) == (
        sample.id,
        "detailed",
        "program.py:detailed",
    )
    assert (session["status"], session["attempt"], session["error"]) == ("completed", 1, None)
    assert session["created_at"] <= session["started_at"] <= session["finished_at"]
    assert session["custom_data"] == {"order": 2**70}
    assert session["result"] == {"big": 2**70, "text": "\ud800"}
    (step,) = session["steps"]
    assert (step["number"], step["name"], step["status"], step["error"]) == (1, "fetch", "completed", None)
    assert isinstance(step["duration_ms"], int)
    assert session["deployment_id"] == sample.deployed["deployment"]["id"]


def test_what_a_synchronous_session_answered_is_its_outcome(sample: Sample) -> None:
    session = sample.begin("api", content=b"hello")
    assert session["is_sync"] is True
    assert session["outcome"]["status_code"] == 200
    assert json.loads(session["outcome"]["body"]) == {"got": "hello"}


def test_a_failed_session_says_what_was_raised_and_its_log_where(sample: Sample) -> None:
    session = sample.begin("broken")
    assert session["status"] == "failed"
    assert session["error"] == "ValueError: it cannot be"
    (error,) = [entry["text"] for entry in sample.log(session["id"]) if entry["kind"] == "error"]
    assert 'File "program.py"' in error
    assert "/" not in error.partition('File "')[2].partition('"')[0]


def test_a_log_is_numbered_from_one_and_read_in_parts(sample: Sample) -> None:
    session = sample.begin("detailed")
    entries = sample.log(session["id"])
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry["text"] for entry in entries if entry["kind"] == "print"] == ["one", "two"]
    assert all(entry.keys() <= {"seq", "at", "kind", "text", "data"} for entry in entries)
    path = f"/sessions/{session['id']}/log"
    read: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"limit": 1} if cursor is None else {"limit": 1, "cursor": cursor}
        page = sample.client.get(path, params=query).json()
        read += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert read == entries
    assert sample.log(session["id"], after=1) == entries[1:]
    assert sample.log(session["id"], after=entries[-1]["seq"]) == []


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ({"limit": "0"}, "invalid", "?limit"),
        ({"limit": "101"}, "invalid", "?limit"),
        ({"after": "-1"}, "invalid", "?after"),
        ({"after": "99999999999999999999"}, "invalid", "?after"),
        ({"cursor": "garbage"}, "invalid_cursor", "?cursor"),
        ({"follow": "true"}, "invalid", "?follow"),
    ],
)
def test_a_part_of_a_log_that_there_cannot_be_is_refused(
    sample: Sample, query: dict[str, str], code: str, path: str
) -> None:
    session = sample.begin("background")
    answer = sample.client.get(f"/sessions/{session['id']}/log", params=query)
    assert_refused(answer, 422, code, path)


def test_a_cursor_of_another_session_s_log_is_foreign(sample: Sample) -> None:
    one, other = sample.begin("background"), sample.begin("background")
    cursor = sample.client.get(f"/sessions/{one['id']}/log", params={"limit": 1}).json()["next_cursor"]
    answer = sample.client.get(f"/sessions/{other['id']}/log", params={"cursor": cursor})
    assert_refused(answer, 422, "invalid_cursor", "?cursor")


def test_sessions_are_found_by_what_they_are(sample: Sample) -> None:
    done, failed = sample.begin("background"), sample.begin("broken")
    client = sample.client
    both = [failed["id"], done["id"]]
    assert ids(client.get("/sessions")) == ids(client.get(f"{sample.path}/sessions")) == both
    for query, found in [
        ({"status": "failed"}, [failed["id"]]),
        ({"status": "waiting"}, []),
        ({"trigger": "background"}, [done["id"]]),
        ({"trigger": failed["trigger_id"]}, [failed["id"]]),
        ({"trigger": "nobody"}, []),
        ({"request_id": done["request_id"]}, [done["id"]]),
        ({"since": failed["created_at"]}, [failed["id"]]),
        ({"until": failed["created_at"]}, [done["id"]]),
    ]:
        assert ids(client.get("/sessions", params=query)) == found, query
        assert ids(client.get(f"{sample.path}/sessions", params=query)) == found, query
    assert ids(client.get("/sessions", params={"workflow_id": sample.id})) == both
    assert ids(client.get("/sessions", params={"workflow_id": "wf_0"})) == []
    shown = client.get("/sessions").json()["data"][0]
    assert shown.keys() == MEMBERS
    assert shown == {name: failed[name] for name in MEMBERS}
    assert_refused(client.get("/sessions", params={"status": "ended"}), 422, "invalid", "?status")


def test_a_session_that_waits_is_stopped_and_waits_for_nothing_any_more(sample: Sample) -> None:
    session = sample.begin("waiter", until_status=("waiting",))
    stopped = stop(sample, session["id"], reason="no longer needed")
    assert stopped.status_code == 202
    shown = sample.wait(session["id"])
    assert (shown["status"], shown["error"]) == ("stopped", "no longer needed")
    assert shown["stop_reason"] == "no longer needed"
    assert shown["finished_at"] is not None
    last = sample.log(session["id"])[-2:]
    assert [(entry["kind"], entry["text"]) for entry in last] == [
        ("stop", "no longer needed"),
        ("state", "stopped"),
    ]
    assert last[1]["data"] == {"reason": "no longer needed"}
    sample.call("calls_nothing", content=b"too late")
    assert sample.prints(session["id"]) == ["subscribed"]


def test_a_session_that_works_is_stopped_by_force_when_it_does_not_listen(sample: Sample) -> None:
    session = sample.begin("busy", until_status=("running",))
    stopping = stop(sample, session["id"], force=True).json()
    assert stopping["stopping_at"] is not None
    shown = sample.wait(session["id"])
    assert (shown["status"], shown["stop_reason"]) == ("stopped", "stopped")


def test_force_ends_a_session_that_was_asked_politely_and_does_not_listen(folder: Path) -> None:
    # A grace that is longer than this test waits.
    with embedded(folder, runner_grace_seconds="600") as service:
        sample = Sample(service, service.api)
        session = sample.begin("chatty", until_status=("running",))
        stop(sample, session["id"], reason="please")
        until(
            lambda: any(entry["kind"] == "stop" for entry in sample.log(session["id"])),
            what="the performer has heard of it",
        )
        assert sample.session(session["id"])["status"] == "running"
        stop(sample, session["id"], force=True)
        assert sample.wait(session["id"])["error"] == "please"


def test_the_first_reason_to_stop_stays(sample: Sample) -> None:
    session = sample.begin("busy", until_status=("running",))
    stop(sample, session["id"], reason="first")
    # What comes too late says so, and what does not changes only how much force there is.
    assert stop(sample, session["id"], reason="second", force=True).status_code in (202, 409)
    assert sample.wait(session["id"])["stop_reason"] == "first"


def test_a_session_that_has_ended_cannot_be_stopped(sample: Sample) -> None:
    session = sample.begin("background")
    assert_refused(stop(sample, session["id"]), 409, "conflict")
    assert sample.session(session["id"]) == session


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"reason": "x" * 501}, "/reason"),
        ({"reason": "x\u0000"}, "/reason"),
        ({"force": 1}, "/force"),
        ({"why": "x"}, "/why"),
    ],
)
def test_a_stop_that_does_not_fit_is_refused(sample: Sample, body: dict[str, Any], path: str) -> None:
    session = sample.begin("park", until_status=("waiting",))
    assert_refused(stop(sample, session["id"], **body), 422, "invalid", path)
    assert sample.session(session["id"])["stopping_at"] is None
    stop(sample, session["id"])


def test_whoever_started_a_session_hears_that_it_was_stopped(sample: Sample) -> None:
    parent = sample.begin("parent", until_status=("waiting",))
    (child,) = until(lambda: sample.prints(parent["id"]), what="the child has been started")
    assert sample.session(child)["parent_id"] == parent["id"]
    sample.wait(child, until_status=("waiting",))
    stop(sample, child)
    assert sample.wait(parent["id"])["status"] == "completed"
    assert sample.prints(parent["id"]) == [child, "False"]


def test_a_rerun_takes_the_stored_request_to_the_active_deployment(sample: Sample) -> None:
    session = sample.begin("api", content=b"hello")
    changed = PROGRAM.replace('{"got": event.body.text}', '{"now": event.body.text}')
    second = deploy(sample.client, {**FILES, "program.py": changed}).json()["deployment"]
    answer = sample.client.post(f"/sessions/{session['id']}/rerun")
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/sessions/{answer.json()['id']}"
    again = sample.wait(answer.json()["id"])
    assert (again["deployment_id"], again["request_id"]) == (second["id"], session["request_id"])
    assert (again["status"], again["is_sync"]) == ("completed", False)
    assert json.loads(again["outcome"]["body"]) == {"now": "hello"}
    request = sample.client.get(f"/requests/{session['request_id']}").json()
    assert json.loads(request["outcome"]["body"]) == {"got": "hello"}, "the answer that was given stays"


def test_a_rerun_takes_the_data_of_a_session_that_was_started_by_hand(sample: Sample) -> None:
    body = {"call": "program.py:show_data", "data": {"big": 2**53 + 1}}
    started = sample.client.post(f"{sample.path}/sessions", json=body).json()
    first = sample.wait(started["id"])
    again = sample.wait(sample.client.post(f"/sessions/{first['id']}/rerun").json()["id"])
    assert again["id"] != first["id"]
    assert again["result"] == first["result"] == {"type": "start", "data": {"big": 2**53 + 1}}


def test_a_rerun_runs_what_the_trigger_calls_by_now(sample: Sample) -> None:
    session = sample.begin("background")
    manifest = MANIFEST.replace(
        'background, webhook: {}, call: "program.py:background"',
        'background, webhook: {}, call: "program.py:broken"',
    )
    assert manifest != MANIFEST
    deploy(sample.client, {**FILES, "aetherflow.yaml": manifest})
    again = sample.wait(sample.client.post(f"/sessions/{session['id']}/rerun").json()["id"])
    assert (again["call"], again["status"]) == ("program.py:broken", "failed")


def test_a_rerun_whose_trigger_is_gone_runs_what_it_ran_if_that_is_still_there(sample: Sample) -> None:
    session = sample.begin("background")
    none = MANIFEST.partition("triggers:")[0]
    assert deploy(sample.client, {**FILES, "aetherflow.yaml": none}).status_code == 200
    again = sample.wait(sample.client.post(f"/sessions/{session['id']}/rerun").json()["id"])
    assert (again["status"], again["trigger"]) == ("completed", "background")
    assert deploy(sample.client, {"aetherflow.yaml": none}).status_code == 200
    assert_refused(sample.client.post(f"/sessions/{session['id']}/rerun"), 409, "conflict")
