"""Requests that came to triggers: as they came, why something ran or nothing did, and once more."""

import base64
import json
from typing import Any

import httpx2
import pytest

from tests.api.deployments import FILES, MANIFEST, Sample, deploy
from tests.api.problems import assert_refused
from tests.services import Service

MEMBERS = {
    "id", "workflow_id", "trigger_id", "trigger", "method", "url", "received_at", "peer", "matches", "redispatch_of",
}  # fmt: skip
MORE_MEMBERS = {"headers", "body", "body_base64", "outcome"}


@pytest.fixture
def sample(service: Service, workspace: httpx2.Client) -> Sample:
    return Sample(service, workspace)


def request_of(sample: Sample, answer: httpx2.Response) -> dict[str, Any]:
    """Return the request that an answer names."""
    path = f"/requests/{answer.headers['aetherflow-request-id']}"
    request: dict[str, Any] = sample.client.get(path).raise_for_status().json()
    return request


def ids(answer: httpx2.Response) -> list[str]:
    return [one["id"] for one in answer.raise_for_status().json()["data"]]


def redispatch(sample: Sample, request_id: str, **body: Any) -> dict[str, Any]:
    answer = sample.client.post(f"/requests/{request_id}/redispatch", json=body)
    assert answer.status_code == 202, answer.text
    taken: dict[str, Any] = answer.json()
    assert taken.keys() == {"request_id", "session_id"}
    assert answer.headers["location"] == f"/api/v1/requests/{taken['request_id']}"
    return taken


def test_a_request_is_shown_as_it_came_with_its_session_and_its_answer(sample: Sample) -> None:
    path = f"/webhooks/{sample.slugs['api']}/a%2Fb/../c?x=%zz&y"
    answer = sample.service.http.put(path, content=b"hello", headers={"X-Order": "7"})
    request = request_of(sample, answer)
    assert request.keys() == MEMBERS | MORE_MEMBERS
    assert (request["workflow_id"], request["trigger"], request["method"]) == (sample.id, "api", "PUT")
    assert request["url"].endswith("?x=%zz&y")
    assert (request["body"], request["body_base64"]) == ("hello", None)
    assert request["headers"]["X-Order"] == "7"
    assert (request["peer"], request["redispatch_of"]) == ("127.0.0.1", None)
    session_id = answer.headers["aetherflow-session-id"]
    assert request["matches"] == [
        {"trigger": "api", "matched": True, "reason": None, "session_id": session_id}
    ]
    outcome = request["outcome"]
    assert (outcome["session_id"], outcome["status_code"]) == (session_id, 200)
    assert json.loads(outcome["body"]) == {"got": "hello"}


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"", b"\x00 nul", "🦉".encode()])
def test_any_body_comes_back_byte_for_byte(sample: Sample, body: bytes) -> None:
    request = request_of(sample, sample.call("background", content=body))
    if request["body"] is None:
        assert base64.b64decode(request["body_base64"]) == body
    else:
        assert (request["body"].encode(), request["body_base64"]) == (body, None)


def test_credentials_of_a_request_are_not_shown(sample: Sample) -> None:
    headers = {"Authorization": "Basic c2VzYW1l", "Cookie": "id=sesame", "X-Gitlab-Token": "sesame"}
    answer = sample.call("background", headers={**headers, "X-Signature": "visible"})
    shown = request_of(sample, answer)["headers"]
    assert {name: shown[name] for name in headers} == dict.fromkeys(headers, "****")
    assert shown["X-Signature"] == "visible"


def test_repeated_headers_are_joined(sample: Sample) -> None:
    answer = sample.call("background", headers=[("X-A", "1"), ("x-a", "2")])
    assert request_of(sample, answer)["headers"]["X-A"] == "1, 2"


@pytest.mark.parametrize(
    ("trigger", "method", "content", "told"),
    [
        ("posts", "PUT", b"", "event_type is put, and the trigger takes post"),
        ("picky", "POST", b'{"size": 3}', "the filter is false"),
        ("picky", "POST", b"no json", None),
        ("calls_nothing", "POST", b"", "the trigger calls nothing"),
    ],
)
def test_a_request_that_started_nothing_says_why(
    sample: Sample, trigger: str, method: str, content: bytes, told: str | None
) -> None:
    answer = sample.service.http.request(method, f"/webhooks/{sample.slugs[trigger]}", content=content)
    assert answer.status_code == 202
    assert "aetherflow-session-id" not in answer.headers
    (match,) = request_of(sample, answer)["matches"]
    assert (match["trigger"], match["matched"], match["session_id"]) == (trigger, False, None)
    assert match["reason"]
    assert told is None or told in match["reason"]


def test_requests_are_found_by_what_they_are(sample: Sample) -> None:
    matched = request_of(sample, sample.call("background"))
    refused = request_of(sample, sample.call("picky", content=b"{}"))
    client = sample.client
    assert ids(client.get("/requests")) == [refused["id"], matched["id"]]
    for query, found in [
        ({"matched": "true"}, [matched["id"]]),
        ({"matched": "false"}, [refused["id"]]),
        ({"trigger": "picky"}, [refused["id"]]),
        ({"trigger": matched["trigger_id"]}, [matched["id"]]),
        ({"workflow_id": "wf_0"}, []),
        ({"since": refused["received_at"]}, [refused["id"]]),
        ({"until": refused["received_at"]}, [matched["id"]]),
    ]:
        assert ids(client.get("/requests", params=query)) == found, query
    assert ids(client.get("/requests", params={"workflow_id": sample.id})) == [refused["id"], matched["id"]]
    shown = client.get("/requests").json()["data"][0]
    assert shown == {name: refused[name] for name in MEMBERS}
    assert_refused(client.get("/requests", params={"matched": "maybe"}), 422, "invalid", "?matched")
    assert_refused(client.get("/requests", params={"status": "x"}), 422, "invalid", "?status")


def test_a_request_is_received_again_as_another_one(sample: Sample) -> None:
    first = request_of(sample, sample.call("api", content=b"hello", headers={"X-Order": "7"}))
    taken = redispatch(sample, first["id"])
    again = sample.client.get(f"/requests/{taken['request_id']}").json()
    assert again["redispatch_of"] == first["id"]
    assert again["received_at"] > first["received_at"]
    for name in ("method", "url", "headers", "body", "peer", "trigger_id"):
        assert again[name] == first[name]
    session = sample.wait(taken["session_id"])
    assert (session["request_id"], session["is_sync"], session["status"]) == (
        again["id"],
        False,
        "completed",
    )
    answered = sample.client.get(f"/requests/{again['id']}").json()["outcome"]
    assert json.loads(answered["body"]) == {"got": "hello"}
    third = redispatch(sample, again["id"])
    assert sample.client.get(f"/requests/{third['request_id']}").json()["redispatch_of"] == again["id"]


def test_a_request_that_started_nothing_is_judged_anew(sample: Sample) -> None:
    first = request_of(sample, sample.call("picky", content=b'{"size": 3}'))
    unchanged = redispatch(sample, first["id"])
    assert unchanged["session_id"] is None
    (match,) = sample.client.get(f"/requests/{unchanged['request_id']}").json()["matches"]
    assert not match["matched"]
    before = sample.deployed["deployment"]["id"]
    deploy(sample.client, {**FILES, "aetherflow.yaml": MANIFEST.replace("size > 3", "size > 2")})
    taken = redispatch(sample, first["id"])
    assert sample.wait(taken["session_id"])["status"] == "completed"
    assert redispatch(sample, first["id"], deployment_id=before)["session_id"] is None


def test_a_request_is_given_to_a_chosen_deployment(sample: Sample) -> None:
    first = request_of(sample, sample.call("background"))
    before = sample.deployed["deployment"]["id"]
    after = deploy(sample.client, {**FILES, "more.txt": "x"}).json()["deployment"]["id"]
    for chosen, expected in ((before, before), (after, after), (None, after)):
        taken = redispatch(sample, first["id"], deployment_id=chosen)
        assert sample.wait(taken["session_id"])["deployment_id"] == expected


def test_a_deployment_that_cannot_take_the_request_is_refused(
    sample: Sample, service: Service, stranger: httpx2.Client
) -> None:
    first = request_of(sample, sample.call("background"))
    path = f"/requests/{first['id']}/redispatch"
    foreign = Sample(service, stranger).deployed["deployment"]["id"]
    for deployment_id in ("dep_0", foreign):
        answer = sample.client.post(path, json={"deployment_id": deployment_id})
        assert_refused(answer, 404, "not_found", "/deployment_id")
    bare = MANIFEST.partition("triggers:")[0]
    without = deploy(sample.client, {"aetherflow.yaml": bare}).json()["deployment"]["id"]
    answer = sample.client.post(path, json={"deployment_id": without})
    assert_refused(answer, 422, "invalid", "/deployment_id")
    assert_refused(sample.client.post(path), 409, "conflict")
    # The deployment that had the trigger still can.
    taken = redispatch(sample, first["id"], deployment_id=sample.deployed["deployment"]["id"])
    assert sample.wait(taken["session_id"])["status"] == "completed"


def test_whoever_waits_for_requests_of_the_trigger_gets_one_that_is_received_again(sample: Sample) -> None:
    first = request_of(sample, sample.call("calls_nothing", content=b"the second one"))
    waiting = sample.begin("waiter", until_status=("waiting",))
    redispatch(sample, first["id"])
    assert sample.wait(waiting["id"])["status"] == "completed"
    assert sample.prints(waiting["id"]) == ["subscribed", "the second one"]


def test_an_idempotency_key_receives_a_request_once(sample: Sample) -> None:
    first = request_of(sample, sample.call("background"))
    answers = [
        sample.client.post(f"/requests/{first['id']}/redispatch", headers={"Idempotency-Key": "once"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len(ids(sample.client.get("/requests"))) == 2
