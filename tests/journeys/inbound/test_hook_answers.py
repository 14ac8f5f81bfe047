"""What a caller is told, in every situation that can be."""

import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx2
import pytest

from tests.journeys.inbound.deployments import Deployed, deploy, log_of, make_workspace, session_of
from tests.journeys.inbound.raw_requests import connect, exchange, send
from tests.services import Service

MANIFEST = """
version: v2
project:
  name: NAME
  vars:
    - {name: GITHUB_SECRET, value: hush, secret: true}
    - {name: SLACK_SECRET, value: hush, secret: true}
triggers:
  - {name: async, type: webhook, call: "program.py:note"}
  - {name: uncalled, type: webhook}
  - {name: unmatched, type: webhook, event_type: put, call: "program.py:note"}
  - {name: posts, type: webhook, is_sync: true, event_type: post, call: "program.py:answer"}
  - {name: gets, type: webhook, is_sync: true, event_type: get, call: "program.py:answer"}
  - {name: picky, type: webhook, is_sync: true, filter: 'data.body.text == "yes"', call: "program.py:answer"}
  - {name: small, type: webhook, is_sync: true, max_body: 100, call: "program.py:answer"}
  - {name: answer, type: webhook, is_sync: true, call: "program.py:answer"}
  - {name: returned, type: webhook, is_sync: true, call: "program.py:give_back"}
  - {name: raises, type: webhook, is_sync: true, call: "program.py:fail"}
  - {name: late, type: webhook, is_sync: true, call: "program.py:fail_after_answer"}
  - {name: suffix, type: webhook, call: "program.py:answer"}
  - {name: suffix_off, type: webhook, sync_suffix: false, call: "program.py:note"}
  - {name: stream, type: webhook, is_sync: true, stream: true, call: "program.py:stream"}
  - {name: parts, type: webhook, is_sync: true, stream: true, call: "program.py:answer_in_parts"}
  - name: github
    type: webhook
    is_sync: true
    verify: {provider: github, secret: GITHUB_SECRET}
    call: program.py:answer
  - {name: slack, type: webhook, verify: {provider: slack, secret: SLACK_SECRET}, call: "program.py:note"}
  - {name: once, type: webhook, dedupe: {header: X-Delivery}, call: "program.py:count"}
  - {name: once_sync, type: webhook, is_sync: true, dedupe: {header: X-Delivery}, call: "program.py:count"}
  - {name: asks, type: webhook, is_sync: true, call: "program.py:ask"}
  - {name: replies, type: webhook, is_sync: true, call: "program.py:reply"}
  - {name: kept, type: webhook, is_sync: true, call: "program.py:show_kept"}
"""

PROGRAM = """
import base64
import json
import aetherflow
from aetherflow import http_outcome, set_value, get_value, add_values

def note(event):
    set_value(event.event_id, event.data.body.text or True)

def show_kept(event):
    return [get_value(event.data.body.json)]

def answer(event):
    # Answers with the arguments that the body names.
    arguments = event.data.body.json
    if arguments is None:
        arguments = {"body": f"suffix {event.data.url.path_suffix!r}"}
    if "body_base64" in arguments:
        arguments["body"] = base64.b64decode(arguments.pop("body_base64"))
    http_outcome(**arguments)

def give_back(event):
    return eval(event.data.body.text)

def fail(event):
    raise RuntimeError("the secret of the house")

def fail_after_answer(event):
    http_outcome(body="in time")
    set_value(event.event_id, "answered")
    raise RuntimeError("too late for the caller")

def stream(event):
    http_outcome(207, {"X-Part": "1"}, "one ", more=True)
    sub = aetherflow.subscribe("uncalled")
    set_value("stream waits", True)
    aetherflow.next_event(sub, timeout=20)
    http_outcome(500, {"X-Part": "2"}, "two ", more=True)
    http_outcome(body="three")

def answer_in_parts(event):
    for arguments in event.data.body.json:
        http_outcome(**arguments)

def count(event):
    number = add_values("count." + event.data.headers["X-Delivery"], 1)
    http_outcome(201, body=str(number))

def ask(event):
    set_value("question", event.event_id)
    sub = aetherflow.subscribe("uncalled", filter="data.body.text == 'go on'")
    set_value("question is open", True)
    aetherflow.next_event(sub, timeout=20)
    set_value(event.event_id, "went on")

def reply(event):
    http_outcome(203, body="from " + event.data.headers["X-From"], event_id=event.data.body.text)
    http_outcome(body="told")
"""


FILES = {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}


@pytest.fixture(scope="module")
def answers(service: Service) -> Deployed:
    return deploy(service, FILES)


def told(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Make sure that an answer is a problem document of this kind, and return it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    return problem


def test_an_asynchronous_request_is_accepted_with_its_ids(answers: Deployed) -> None:
    answer = answers.call("async", content=b"it")
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["aetherflow-session-id"].startswith("ses_")
    assert answers.kept("kept", answer.headers["aetherflow-request-id"]) == "it"


@pytest.mark.parametrize("trigger", ["uncalled", "unmatched"])
def test_a_request_that_starts_nothing_is_accepted_too(answers: Deployed, trigger: str) -> None:
    answer = answers.call(trigger)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["aetherflow-request-id"].startswith("req_")
    assert "aetherflow-session-id" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/webhooks/", "/webhooks/none", "/webhooks/none/sync", "/webhooks//x", "/webhooks/%00"]
)
def test_a_slug_that_nobody_has_is_not_found(answers: Deployed, path: str) -> None:
    assert told(answers.service.http.post(path), 404, "not_found")["errors"] == []


def test_a_disabled_workflow_is_told_apart_by_nobody(service: Service) -> None:
    def without_ids(answer: httpx2.Response) -> tuple[object, ...]:
        request_id = answer.headers["request-id"]
        headers = {
            name: value for name, value in answer.headers.items() if name not in ("request-id", "date")
        }
        return answer.status_code, headers, answer.text.replace(request_id, "")

    manifest = """
        version: v2
        project: {name: NAME}
        triggers: [{name: any, type: webhook, call: "a.py:f"}]
    """
    other = deploy(service, {"aetherflow.yaml": manifest, "a.py": "def f(event): pass"})
    assert other.call("any").status_code == 202
    assert service.api.patch(f"/workflows/{other.workflow_id}", json={"enabled": False}).status_code == 200
    disabled = other.call("any")
    assert disabled.status_code == 404
    unknown = service.http.post("/webhooks/" + "a" * len(other.triggers["any"]["slug"]))
    assert without_ids(disabled) == without_ids(unknown)
    assert service.api.patch(f"/workflows/{other.workflow_id}", json={"enabled": True}).status_code == 200
    assert other.call("any").status_code == 202


def test_other_methods_than_that_of_a_synchronous_trigger_are_not_allowed(answers: Deployed) -> None:
    answer = answers.call("posts", method="DELETE")
    told(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert "aetherflow-request-id" in answer.headers
    assert "aetherflow-session-id" not in answer.headers
    assert answers.call("posts").status_code == 200
    head = answers.call("gets", method="HEAD")
    assert (head.status_code, head.headers["allow"], head.content) == (405, "GET", b"")


def test_a_filter_that_says_no_is_not_found(answers: Deployed) -> None:
    assert told(answers.call("picky", content=b"no"), 404, "not_found")["errors"] == []
    # The filter lets it pass, and the handler finds no JSON in it.
    assert answers.call("picky", content=b"yes").status_code == 200


def test_a_body_that_says_it_is_too_large_is_refused_unread(answers: Deployed) -> None:
    path = answers.path("small")
    for declared in ("101", "9" * 30):
        answer = send(answers.service, f"POST {path} HTTP/1.1", "Host: here", f"Content-Length: {declared}")
        # A number beyond what the server can count is no HTTP to it.
        assert answer.status_code == (413 if declared == "101" else 400)
    assert answers.call("small", content=b" " * 100).status_code == 200


def test_a_body_that_proves_to_be_too_large_is_refused(answers: Deployed) -> None:
    head = f"POST {answers.path('small')} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"32\r\n" + b"x" * 50 + b"\r\n"
    answer = exchange(answers.service, head.encode(), chunk, chunk, b"1\r\nx\r\n")
    assert answer is not None
    told(answer, 413, "too_large")
    answer = answers.call("answer", content=b" " * 524_288)
    assert answer.status_code == 200
    told(answers.call("answer", content=iter([b" " * 524_288, b" "])), 413, "too_large")


def test_only_what_is_signed_by_the_provider_is_taken(answers: Deployed) -> None:
    body = json.dumps({"body": "taken"}).encode()
    signature = "sha256=" + hmac.digest(b"hush", body, hashlib.sha256).hex()
    answer = answers.call("github", content=body, headers={"X-Hub-Signature-256": signature})
    assert (answer.status_code, answer.text) == (200, "taken")
    forged = [
        answers.call("github", content=body),
        answers.call("github", content=body + b" ", headers={"X-Hub-Signature-256": signature}),
        answers.call("github", content=body, headers={"X-Hub-Signature-256": signature + "0"}),
    ]
    for answer in forged:
        told(answer, 401, "bad_signature")
        assert "aetherflow-request-id" not in answer.headers


def test_a_provider_that_checks_the_address_is_answered(answers: Deployed) -> None:
    def signed(body: bytes, stamp: int) -> httpx2.Response:
        text = b"v0:%d:%s" % (stamp, body)
        headers = {
            "X-Slack-Request-Timestamp": str(stamp),
            "X-Slack-Signature": "v0=" + hmac.digest(b"hush", text, hashlib.sha256).hex(),
            "Content-Type": "application/json",
        }
        return answers.call("slack", content=body, headers=headers)

    challenge = json.dumps({"type": "url_verification", "challenge": "abc123", "token": "t"}).encode()
    answer = signed(challenge, int(time.time()))
    assert (answer.status_code, "abc123" in answer.text) == (200, True)
    assert "aetherflow-request-id" not in answer.headers
    told(signed(b"{}", int(time.time()) - 3600), 401, "bad_signature")
    answer = signed(b'{"type": "event_callback"}', int(time.time()))
    assert answer.status_code == 202
    assert "event_callback" in answers.kept("kept", answer.headers["aetherflow-request-id"])


@pytest.mark.parametrize(
    ("returned", "body"),
    [
        ("0", b"0"),
        ("''", b'""'),
        ("[]", b"[]"),
        ("False", b"false"),
        ("{'a': [1, 2.5, None]}", None),
        ("2**70", str(2**70).encode()),
        ("'\\u2028\\ud7ff'", None),
    ],
)
def test_what_a_handler_returns_is_the_answer_if_it_gave_none(
    answers: Deployed, returned: str, body: bytes | None
) -> None:
    answer = answers.call("returned", content=returned.encode())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.content == body if body is not None else answer.json() == eval(returned)


@pytest.mark.parametrize("returned", ["None", "object()", "{1, 2}", "float('nan')", "b'x'", "lambda: 1"])
def test_a_handler_that_returns_nothing_or_what_json_cannot_hold_is_acknowledged(
    answers: Deployed, returned: str
) -> None:
    answer = answers.call("returned", content=returned.encode())
    assert (answer.status_code, list(answer.json())) == (200, ["message"])
    session = session_of(answers.service, answer)
    logged = [entry for entry in log_of(answers.service, session["id"]) if entry["kind"] == "error"]
    assert (session["status"], len(logged)) == ("completed", 0 if returned == "None" else 1)


def test_a_handler_that_raises_is_told_without_its_secrets(answers: Deployed) -> None:
    answer = answers.call("raises")
    problem = told(answer, 500, "handler_failed")
    assert problem["session_id"] == answer.headers["aetherflow-session-id"]
    assert problem["status_url"].endswith(f"/api/v1/sessions/{problem['session_id']}")
    assert answer.headers["aetherflow-request-id"].startswith("req_")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    session = session_of(answers.service, answer)
    assert session["error"] == "RuntimeError: the secret of the house"
    [error] = [entry for entry in log_of(answers.service, session["id"]) if entry["kind"] == "error"]
    assert 'File "program.py", line ' in error["text"]
    assert "aetherflow" not in error["text"]


def test_a_handler_that_raises_after_its_answer_has_answered(answers: Deployed) -> None:
    answer = answers.call("late")
    assert (answer.status_code, answer.text) == (200, "in time")
    assert answers.kept("kept", answer.headers["aetherflow-request-id"]) == "answered"
    assert session_of(answers.service, answer)["status"] == "failed"


def test_the_suffix_sync_makes_any_trigger_answer(answers: Deployed) -> None:
    answer = answers.call("suffix", "/sync")
    assert (answer.status_code, answer.text) == (200, "suffix ''")
    assert answers.call("suffix", "/sync/").status_code == 202
    assert answers.call("suffix", "/synchronous").status_code == 202
    assert answers.call("suffix_off", "/sync").status_code == 202
    assert answers.call("answer", "/sync").text == "suffix 'sync'"


@pytest.mark.parametrize(
    ("given", "status", "content_type", "body"),
    [
        ({}, 200, None, b""),
        ({"body": "text"}, 200, "text/plain; charset=utf-8", b"text"),
        ({"body": "1 <p>"}, 200, "text/plain; charset=utf-8", b"1 <p>"),
        ({"body": "<html>"}, 200, "text/html", b"<html>"),
        ({"body": {"a": 1}}, 200, "application/json", b'{"a":1}'),
        ({"json": [1]}, 200, "application/json", b"[1]"),
        ({"body_base64": "/wA="}, 200, "application/octet-stream", b"\xff\0"),
        ({"body": "x", "headers": {"content-type": "text/x"}}, 200, "text/x", b"x"),
        ({"status_code": 404, "body": "none"}, 404, "text/plain; charset=utf-8", b"none"),
        ({"status_code": 599}, 599, None, b""),
        ({"status_code": 204, "body": "gone"}, 204, "text/plain; charset=utf-8", b""),
        ({"status_code": 304, "body": "same"}, 304, "text/plain; charset=utf-8", b""),
    ],
)
def test_an_answer_is_sent_as_it_was_given(
    answers: Deployed, given: dict[str, Any], status: int, content_type: str | None, body: bytes
) -> None:
    answer = answers.call("answer", json=given)
    assert (answer.status_code, answer.headers.get("content-type"), answer.content) == (
        status,
        content_type,
        body,
    )


@pytest.mark.parametrize("status", [200, 204, 304])
def test_the_connection_goes_on_after_an_answer_without_a_body(answers: Deployed, status: int) -> None:
    path = answers.path("answer")
    given = json.dumps({"status_code": status, "body": "dropped"})
    head = f"HEAD {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(given)}\r\n\r\n{given}"
    last = f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    with closing(connect(answers.service)) as connection:
        connection.sendall((head + last).encode())
        received = b""
        while more := connection.recv(65_536):
            received += more
    first, second, *rest = received.split(b"HTTP/1.1 ")[1:]
    assert not rest
    assert first.startswith(str(status).encode())
    assert b"dropped" not in first
    assert second.endswith(b"suffix ''")


def test_headers_that_speak_for_the_server_or_the_whole_origin_are_dropped(answers: Deployed) -> None:
    given = {
        "Content-Length": "1",
        "transfer-encoding": "chunked",
        "Connection": "keep-alive",
        "Date": "yesterday",
        "Server": "mine",
        "Set-Cookie": ["a=1", "b=2"],
        "Clear-Site-Data": "*",
        "Strict-Transport-Security": "max-age=1",
        "Service-Worker-Allowed": "/",
        "Alt-Svc": "h3",
        "X-Kept": ["1", "2"],
    }
    answer = answers.call("answer", json={"headers": given, "body": "whole"})
    assert (answer.status_code, answer.text, answer.headers["content-length"]) == (200, "whole", "5")
    assert answer.headers.get_list("x-kept") == ["1", "2"]
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for name in given.keys() - {"Content-Length", "X-Kept", "Date", "Connection", "Server"}:
        assert name not in answer.headers
    assert answer.headers.get("server") != "mine"
    assert answer.headers.get("date") != "yesterday"


def test_a_stream_is_sent_as_it_comes(answers: Deployed) -> None:
    with answers.service.http.stream("POST", answers.path("stream")) as answer:
        parts = answer.iter_text()
        assert (answer.status_code, answer.headers["x-part"]) == (207, "1")
        assert next(parts) == "one "
        answers.kept("kept", "stream waits")
        answers.call("uncalled")
        assert "".join(parts) == "two three"


@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize(
    ("parts", "status", "body"),
    [
        ([{"body": "one", "more": True}, {"body": "two"}], 200, b"onetwo"),
        ([{"body": "one", "more": True}], 200, b"one"),
        ([{"status_code": 204, "body": "one", "more": True}, {"body": "two"}], 204, b""),
        ([{"status_code": 304, "body": "one", "more": True}], 304, b""),
        ([{"status_code": 201, "body": "all"}], 201, b"all"),
    ],
)
def test_a_stream_has_the_status_of_its_first_part(
    answers: Deployed, method: str, parts: list[dict[str, Any]], status: int, body: bytes
) -> None:
    answer = answers.call("parts", method=method, json=parts)
    assert (answer.status_code, answer.content) == (status, b"" if method == "HEAD" else body)


def test_a_stream_goes_on_without_its_caller(answers: Deployed) -> None:
    parts = json.dumps([{"body": "x" * 100_000, "more": True}] * 4 + [{"json": {}, "headers": {"X": "1"}}])
    head = f"POST {answers.path('parts')} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(parts)}\r\n\r\n"
    with closing(connect(answers.service)) as connection:
        connection.sendall(head.encode() + parts.encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        received = connection.recv(2_000).lower()
    session_id = received.partition(b"aetherflow-session-id: ")[2].partition(b"\r")[0].decode()
    answer = httpx2.Response(200, headers={"aetherflow-session-id": session_id})
    assert session_of(answers.service, answer)["status"] == "completed"


def test_a_request_that_comes_again_gets_the_first_ids(answers: Deployed) -> None:
    headers = {"X-Delivery": f"async-{time.monotonic_ns()}"}
    first = answers.call("once", headers=headers)
    second = answers.call("once", headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert "aetherflow-duplicate" not in first.headers
    assert second.headers["aetherflow-duplicate"] == "true"
    for name in ("aetherflow-request-id", "aetherflow-session-id"):
        assert first.headers[name] == second.headers[name]
    assert "aetherflow-duplicate" not in answers.call("once", headers={"X-Delivery": "other"}).headers


def test_a_repeated_synchronous_request_gets_the_first_answer(answers: Deployed) -> None:
    headers = {"X-Delivery": f"sync-{time.monotonic_ns()}"}
    given = [answers.call("once_sync", headers=headers) for _ in range(3)]
    assert [(one.status_code, one.text) for one in given] == [(201, "1")] * 3
    assert [one.headers.get("aetherflow-duplicate") for one in given] == [None, "true", "true"]
    assert len({one.headers["aetherflow-session-id"] for one in given}) == 1


@pytest.mark.parametrize("trigger", ["once", "once_sync"])
def test_of_requests_that_come_twice_at_the_same_moment_one_counts(answers: Deployed, trigger: str) -> None:
    headers = {"X-Delivery": f"race-{time.monotonic_ns()}"}
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda _: answers.call(trigger, headers=headers), range(8)))
    assert {one.status_code for one in given} == ({202} if trigger == "once" else {201})
    assert len({one.headers["aetherflow-request-id"] for one in given}) == 1
    assert sorted(one.headers.get("aetherflow-duplicate", "") for one in given) == ["", *["true"] * 7]
    assert answers.kept("kept", "count." + headers["X-Delivery"]) == 1


def test_another_session_can_answer_a_request_that_waits(answers: Deployed) -> None:
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(answers.call, "asks")
        answers.kept("kept", "question is open")
        question = answers.kept("kept", "question")
        with make_workspace(answers.service) as foreign:
            stranger = deploy(answers.service, FILES, api=foreign)
            assert stranger.call("replies", content=question, headers={"X-From": "a stranger"}).text == "told"
        replied = answers.call("replies", content=question, headers={"X-From": "another session"})
        assert replied.text == "told"
        answer = asking.result()
    assert (answer.status_code, answer.text) == (203, "from another session")
    answers.call("uncalled", content=b"go on")
    assert answers.kept("kept", answer.headers["aetherflow-request-id"]) == "went on"
    assert session_of(answers.service, replied)["outcome"]["body"] == "told"


def test_an_answer_to_a_request_that_nobody_waits_for_is_logged(answers: Deployed) -> None:
    answered = answers.call("answer").headers["aetherflow-request-id"]
    accepted = answers.call("async").headers["aetherflow-request-id"]
    for event_id in (answered, accepted, "req_none", "x" * 200):
        replied = answers.call("replies", content=event_id.encode(), headers={"X-From": "one too late"})
        assert replied.text == "told"
        session = session_of(answers.service, replied)
        texts = [entry.get("text") for entry in log_of(answers.service, session["id"])]
        assert f"ignored: nobody waits for an answer to {event_id}" in texts
