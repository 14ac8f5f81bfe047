"""Handlers that wait for requests to other triggers: which ones they get, in which order, whatever is in them."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tests.journeys.inbound.deployments import Deployed, deploy
from tests.journeys.inbound.raw_requests import connect
from tests.services import Service

MANIFEST = """
version: v2
project: {name: NAME}
triggers:
  - {name: wait, type: webhook, is_sync: true, call: "program.py:wait"}
  - {name: poll, type: webhook, is_sync: true, call: "program.py:poll"}
  - {name: subscribe_badly, type: webhook, is_sync: true, call: "program.py:subscribe_badly"}
  - {name: one, type: webhook}
  - {name: two, type: webhook, filter: "false", call: "program.py:poll"}
  - {name: kept, type: webhook, is_sync: true, call: "program.py:show_kept"}
"""

PROGRAM = """
from aetherflow import (
    AetherFlowError, get_value, next_event, set_value, subscribe, unsubscribe
)

def wait(event):
    # Subscribes as the body says and returns what comes, in the order asked for.
    asked = event.data.body.json
    ids = {name: subscribe(trigger, filter=text) for name, (trigger, text) in asked["subscriptions"].items()}
    set_value("ready " + asked["word"], True)
    subscribed = subscribe("one", filter="data.body.text == 'over'")
    next_event(subscribed, timeout=20)
    got = []
    for names in asked["waits"]:
        found = next_event([ids[name] for name in names], timeout=0)
        got.append(None if found is None else found.data.body.text)
    return got

def poll(event):
    first = subscribe("one")
    nothing = next_event(first, timeout=0)
    unsubscribe(first)
    try:
        next_event(first, timeout=0)
    except AetherFlowError as error:
        return [nothing, str(error)]

def subscribe_badly(event):
    try:
        subscribe(*event.data.body.json)
    except AetherFlowError as error:
        return str(error)

def show_kept(event):
    return [get_value(event.data.body.json)]
"""


@pytest.fixture(scope="module")
def waiting(service: Service) -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


def test_each_subscription_gets_what_fits_it_in_order_of_arrival(waiting: Deployed) -> None:
    asked: dict[str, Any] = {
        "word": "order",
        "subscriptions": {
            "all": ["one", ""],
            "large": ["one", "data.body.json.n > 5"],
            "broken": ["one", 'data.headers["X-None"] == "1"'],
            "two": ["two", ""],
        },
        "waits": [["broken", "large", "two", "all"]] * 3 + [["all"]] * 7 + [["broken"]],
    }
    great = b'{"n": ' + b"9" * 40 + b"}"
    sent = [b'{"n": 6}', b"[" * 5_000, great, b'{"n": "x"}', b"\xff\0"]
    waiting.call("one", content=b'{"n": 7, "early": true}')
    with ThreadPoolExecutor(1) as thread:
        answering = thread.submit(waiting.call, "wait", json=asked)
        waiting.kept("kept", "ready order")
        for body in sent:
            assert waiting.call("one", content=body).status_code == 202
        assert waiting.call("two", content=b"second").status_code == 202
        assert waiting.call("one", content=b"over").status_code == 202
        answer = answering.result()
    texts = ['{"n": 6}', "[" * 5_000, great.decode(), '{"n": "x"}', None, "over"]
    assert answer.json() == ['{"n": 6}', great.decode(), "second", *texts, None, None]


def test_a_poll_does_not_wait_and_a_subscription_ends(waiting: Deployed) -> None:
    nothing, error = waiting.call("poll").json()
    assert nothing is None
    assert "not found" in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "'nowhere'"),
        (["one", "data."], "line 1, column"),
        (["one", "'text'"], "string"),
        (["one", "unknown == 1"], "unknown"),
        (["one", "x" * 5_000], "4096"),
    ],
)
def test_what_cannot_be_subscribed_to_is_told_to_the_handler(
    waiting: Deployed, arguments: list[str], said: str
) -> None:
    assert said in waiting.call("subscribe_badly", json=arguments).json()


def test_requests_in_one_packet_are_answered_in_order(waiting: Deployed) -> None:
    def request(arguments: list[str], *headers: str) -> bytes:
        body = json.dumps(arguments)
        path = waiting.path("subscribe_badly")
        lines = [f"POST {path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}", *headers, "", body]
        return "\r\n".join(lines).encode()

    with closing(connect(waiting.service)) as connection:
        connection.sendall(request(["a"]) + request(["b"]) + request(["c"], "Connection: close"))
        received = b""
        while more := connection.recv(65_536):
            received += more
    answers = received.decode().split("HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == ["200"] * 3
    assert [f"'{name}'" in answer for name, answer in zip("abc", answers, strict=True)] == [True] * 3
