"""Callers who wait: for how long, with what preference, and what becomes of the session when they do not."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx2
import pytest

from tests.journeys.inbound.deployments import Deployed, deploy, log_of, session_of
from tests.journeys.inbound.raw_requests import connect
from tests.services import Service

MANIFEST = """
version: v2
project: {name: NAME}
triggers:
  - {name: slow, type: webhook, is_sync: true, timeout: 1, call: "program.py:wait"}
  - {name: slow_async, type: webhook, timeout: 1, call: "program.py:wait"}
  - {name: slow_durable, type: webhook, is_sync: true, is_durable: true, timeout: 1, call: "program.py:wait"}
  - {name: slow_stream, type: webhook, is_sync: true, stream: true, timeout: 1, call: "program.py:stream"}
  - {name: patient, type: webhook, is_sync: true, timeout: 30, call: "program.py:wait"}
  - {name: asleep, type: webhook, is_sync: true, timeout: 1, call: "program.py:sleep"}
  - {name: busy, type: webhook, is_sync: true, timeout: 30, call: "program.py:loop"}
  - {name: quick, type: webhook, is_sync: true, call: "program.py:answer"}
  - {name: go, type: webhook}
  - {name: kept, type: webhook, is_sync: true, call: "program.py:show_kept"}
"""

PROGRAM = """
import time
from aetherflow import get_value, http_outcome, next_event, set_value, subscribe

def wait(event):
    sub = subscribe("go", filter="data.body.text == '" + event.data.body.text + "'")
    set_value("waiting " + event.data.body.text, True)
    found = next_event(sub, timeout=30)
    http_outcome(body="went")
    set_value("done " + event.data.body.text, event.event_id)

def stream(event):
    http_outcome(206, body="part", more=True)
    wait(event)

def sleep(event):
    time.sleep(1.2)
    set_value("done " + event.data.body.text, event.event_id)

def loop(event):
    set_value("waiting " + event.data.body.text, True)
    while True:
        pass

def answer(event):
    http_outcome(body="at once")

def show_kept(event):
    return [get_value(event.data.body.json)]
"""


@pytest.fixture(scope="module")
def callers(service: Service) -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


@pytest.fixture
def word() -> str:
    """Return what names the wait of one session."""
    return f"word{time.monotonic_ns()}"


def goes_on(callers: Deployed, word: str, answer: httpx2.Response) -> bool:
    """Let a waiting session go on; whether it is that of an answer."""
    callers.kept("kept", f"waiting {word}")
    callers.call("go", content=word.encode())
    return bool(callers.kept("kept", f"done {word}") == answer.headers["aetherflow-request-id"])


def timed_out(callers: Deployed, trigger: str, status: int, word: str, suffix: str = "") -> httpx2.Response:
    answer = callers.call(trigger, suffix, content=word.encode())
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, "handler_timeout")
    assert problem["session_id"] == answer.headers["aetherflow-session-id"]
    assert problem["status_url"].endswith(f"/api/v1/sessions/{problem['session_id']}")
    return answer


def accepted(callers: Deployed, trigger: str, prefer: str, applied: str, word: str) -> httpx2.Response:
    answer = callers.call(trigger, content=word.encode(), headers={"Prefer": prefer})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, applied), answer.text
    about = answer.json()
    assert about["session_id"] == answer.headers["aetherflow-session-id"]
    assert about["status_url"] == answer.headers["location"]
    assert about["status_url"].endswith(f"/api/v1/sessions/{about['session_id']}")
    return answer


def test_a_caller_is_told_after_the_timeout_and_the_session_goes_on(callers: Deployed, word: str) -> None:
    def case(number: int, ask: Callable[[str], httpx2.Response]) -> bool:
        return goes_on(callers, f"{word}{number}", ask(f"{word}{number}"))

    asking: list[Callable[[str], httpx2.Response]] = [
        lambda one: timed_out(callers, "slow", 504, one),
        lambda one: timed_out(callers, "slow_durable", 504, one),
        lambda one: timed_out(callers, "slow_async", 408, one, suffix="/sync"),
        lambda one: accepted(callers, "patient", "wait=1", "wait=1", one),
        lambda one: accepted(callers, "slow", "respond-async", "respond-async", one),
    ]
    with ThreadPoolExecutor(len(asking)) as threads:
        assert all(threads.map(case, range(len(asking)), asking))


def test_a_handler_that_sleeps_is_waited_for_no_longer_either(callers: Deployed, word: str) -> None:
    answer = timed_out(callers, "asleep", 504, word)
    assert callers.kept("kept", f"done {word}") == answer.headers["aetherflow-request-id"]


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("respond-async", "respond-async"),
        ("handling=lenient, Respond-Async; x=1, wait=5", "respond-async"),
        ("wait=0", "wait=0"),
    ],
)
def test_a_caller_who_prefers_not_to_wait_does_not(
    callers: Deployed, word: str, prefer: str, applied: str
) -> None:
    answer = accepted(callers, "patient", prefer, applied, word)
    assert goes_on(callers, word, answer)


@pytest.mark.parametrize(
    "prefer", ["wait=20", "wait=soon", "wait", "respond-asynchronously", "wait=-1", "x, ,=,;"]
)
def test_a_caller_who_prefers_to_wait_gets_the_answer(callers: Deployed, prefer: str) -> None:
    answer = callers.call("quick", headers={"Prefer": prefer})
    assert (answer.status_code, answer.text) == (200, "at once")


def test_a_preference_means_nothing_to_an_asynchronous_trigger(callers: Deployed, word: str) -> None:
    answer = callers.call("slow_async", content=word.encode(), headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.content) == (202, b"")
    assert goes_on(callers, word, answer)


def test_a_session_goes_on_without_its_caller(callers: Deployed, word: str) -> None:
    lines = (
        f"POST {callers.path('patient')} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(word)}\r\n\r\n{word}"
    )
    with closing(connect(callers.service)) as connection:
        connection.sendall(lines.encode())
        callers.kept("kept", f"waiting {word}")
    callers.call("go", content=word.encode())
    assert callers.kept("kept", f"done {word}").startswith("req_")


def test_a_caller_who_leaves_in_the_middle_of_the_body_starts_nothing(callers: Deployed, word: str) -> None:
    head = f"POST {callers.path('patient')} HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n{word}"
    with closing(connect(callers.service)) as connection:
        connection.sendall(head.encode())
    assert callers.call("quick").text == "at once"
    assert callers.call("kept", json=f"waiting {word}").json() == [None]


@pytest.mark.parametrize(
    ("trigger", "options"),
    [("patient", {}), ("patient", {"reason": "enough"}), ("busy", {"force": True, "reason": "enough"})],
)
def test_the_caller_of_a_stopped_session_is_told(
    callers: Deployed, word: str, trigger: str, options: dict[str, object]
) -> None:
    service = callers.service
    with ThreadPoolExecutor(1) as thread:
        answering = thread.submit(callers.call, trigger, content=word.encode())
        callers.kept("kept", f"waiting {word}")
        call = "program.py:loop" if trigger == "busy" else "program.py:wait"
        listed = service.api.get("/sessions", params={"workflow_id": callers.workflow_id}).json()["data"]
        [session] = [one for one in listed if one["call"] == call and one["finished_at"] is None]
        assert service.api.post(f"/sessions/{session['id']}/stop", json=options).status_code == 202
        answer = answering.result()
    assert (answer.status_code, answer.json()["code"]) == (503, "session_stopped")
    assert answer.json()["session_id"] == answer.headers["aetherflow-session-id"] == session["id"]
    stopped = session_of(service, answer)
    assert (stopped["status"], stopped["stop_reason"]) == (
        "stopped",
        options.get("reason", stopped["stop_reason"]),
    )
    assert "stop" in [entry["kind"] for entry in log_of(service, session["id"])]


def test_a_stream_that_has_begun_ends_with_the_timeout(callers: Deployed, word: str) -> None:
    answer = callers.call("slow_stream", content=word.encode())
    assert (answer.status_code, answer.text) == (206, "part")
    assert goes_on(callers, word, answer)
