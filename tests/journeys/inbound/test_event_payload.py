"""What a handler sees of a request, whatever its sender wrote."""

from base64 import b64decode
from typing import Any

import pytest

from tests.journeys.inbound.deployments import Deployed, deploy
from tests.journeys.inbound.raw_requests import send
from tests.services import Service

MANIFEST = """
version: v2
project: {name: NAME}
triggers:
  - {name: show, type: webhook, is_sync: true, call: "program.py:show"}
  - {name: access, type: webhook, is_sync: true, call: "program.py:access"}
  - {name: awaited, type: webhook, is_sync: true, call: "program.py:awaited"}
"""

PROGRAM = """
from base64 import b64encode

def show(event):
    body = dict(event.data.body)
    body["bytes"] = None if body["bytes"] is None else b64encode(body["bytes"]).decode()
    return {**event.data, "body": body, "event_type": event.event_type, "event_id": event.event_id}

def access(event):
    data = event.data
    tried = [
        data.method == data["method"] == data.get("method"),
        data.get("missing", 7) == 7,
        data.url.query.a == data["url"]["query"]["a"],
        data.headers["x-github-event"] == data.headers.get("X-GITHUB-EVENT") == "push",
        data.body.json.deep[0].er == 1,
        callable(data.body.json.items),
    ]
    try:
        data.missing
    except AttributeError:
        tried.append(True)
    try:
        data["missing"]
    except KeyError:
        tried.append(True)
    try:
        data.method = "x"
    except AttributeError:
        tried.append(True)
    data["method"] = "changed"
    tried.append(data.method == "changed")
    return tried

async def awaited(event, session_id):
    return [event.event_type, session_id]
"""


@pytest.fixture(scope="module")
def programs(service: Service) -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


def seen(programs: Deployed, suffix: str = "", **options: Any) -> dict[str, Any]:
    """Return what a handler sees of a request, its body's bytes as bytes."""
    answer = programs.call("show", suffix, **options)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()
    assert data["event_id"] == answer.headers["aetherflow-request-id"]
    data["body"]["bytes"] = None if data["body"]["bytes"] is None else b64decode(data["body"]["bytes"])
    return data


def test_a_request_is_described_whole(programs: Deployed) -> None:
    path = programs.path("show")
    data = seen(
        programs,
        "/one/t%20wo?key1=value1&key2=value2",
        method="GET",
        headers={"x-github-event": "push", "User-Agent": "test", "Accept": "*/*"},
    )
    assert data["method"] == "GET"
    assert data["event_type"] == "get"
    assert data["raw_url"] == f"{path}/one/t%20wo?key1=value1&key2=value2"
    assert data["url"] == {
        "path": f"{path}/one/t wo",
        "path_suffix": "one/t wo",
        "query": {"key1": "value1", "key2": "value2"},
        "raw_query": "key1=value1&key2=value2",
        "fragment": "",
        "raw_fragment": "",
    }
    headers = data["headers"]
    assert (headers["X-Github-Event"], headers["User-Agent"], headers["Accept"]) == ("push", "test", "*/*")
    assert headers["Host"] in programs.service.url
    assert data["body"] == {"bytes": None, "text": None, "form": None, "json": None}


def test_members_are_items_and_attributes(programs: Deployed) -> None:
    answer = programs.call(
        "access", "?a=1", json={"deep": [{"er": 1}], "items": 1}, headers={"x-github-event": "push"}
    )
    assert answer.json() == [True] * 10


def test_a_coroutine_is_awaited_and_gets_the_session_that_it_asks_for(programs: Deployed) -> None:
    answer = programs.call("awaited", method="PATCH")
    assert answer.json() == ["patch", answer.headers["aetherflow-session-id"]]


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("method", "content_type", "body", "expected"),
    [
        ("POST", "application/json", b' {"a": 1} ', {"text": ' {"a": 1} ', "json": {"a": 1}}),
        ("POST", "text/plain", b"[1]", {"text": "[1]", "json": [1]}),
        ("POST", "application/json", b"null", {"text": "null"}),
        ("POST", "application/json", b'{"a": 1} x', {"text": '{"a": 1} x'}),
        ("POST", "application/json", b"NaN", {"text": "NaN"}),
        ("POST", "application/json", b"\xef\xbb\xbf1", {"text": "\ufeff1"}),
        ("POST", "application/json", b"1" * 30, {"text": "1" * 30, "json": int("1" * 30)}),
        (
            "POST",
            FORM,
            b"a=1&a=2&b=x+y&c",
            {"text": "a=1&a=2&b=x+y&c", "form": {"a": "1, 2", "b": "x y", "c": ""}},
        ),
        ("PUT", f"{FORM}; charset=utf-8", b"a=%C3%A9", {"text": "a=%C3%A9", "form": {"a": "é"}}),
        ("DELETE", FORM, b"a=1", {"text": "a=1"}),
        ("GET", "text/plain", b"get", {"text": "get"}),
        ("POST", "text/plain", b"\xff\x00", {}),
    ],
)
def test_a_body_is_each_kind_that_it_can_be(
    programs: Deployed, method: str, content_type: str, body: bytes, expected: dict[str, Any]
) -> None:
    data = seen(programs, method=method, content=body, headers={"Content-Type": content_type})
    assert data["body"] == {"bytes": body, "text": None, "form": None, "json": None, **expected}


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/", {"path_suffix": ""}),
        ("/a/b", {"path_suffix": "a/b"}),
        ("/sync", {"path_suffix": "sync"}),
        ("//a/../b", {"path_suffix": "/a/../b"}),
        ("/%2e%2e/%2F", {"path_suffix": "..//"}),
        ("/%ff%zz", {"path_suffix": "\ufffd%zz"}),
        ("?a", {"query": {"a": ""}, "raw_query": "a"}),
        ("?a=1&b=2&a=3", {"query": {"a": "1, 3", "b": "2"}}),
        ("?a=%zz&%C3%A9=%C3%A9+", {"query": {"a": "%zz", "é": "é "}, "raw_query": "a=%zz&%C3%A9=%C3%A9+"}),
        ("?a=%ff", {"query": {"a": "\ufffd"}}),
        ("?a=1#b", {"query": {"a": "1"}}),
    ],
)
def test_a_target_is_taken_apart_but_not_resolved(
    programs: Deployed, target: str, url: dict[str, Any]
) -> None:
    answer = send(programs.service, f"GET {programs.path('show')}{target} HTTP/1.1", "Host: here")
    assert answer.status_code == 200, answer.text
    assert {name: answer.json()["url"][name] for name in url} == url


def test_headers_come_as_latin_1_and_repeated_ones_joined(programs: Deployed) -> None:
    answer = send(
        programs.service,
        f"GET {programs.path('show')} HTTP/1.1",
        "Host: here",
        "x-ONE: caf\u00e9",
        "X-One: \t two \t",
        "content-md5: x",
    )
    expected = {"Host": "here", "X-One": "caf\u00e9, two", "Content-Md5": "x", "Connection": "close"}
    assert answer.json()["headers"] == expected


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "PROPFIND", "M-SEARCH"])
def test_the_event_type_is_the_method_in_lower_case(programs: Deployed, method: str) -> None:
    assert seen(programs, method=method)["event_type"] == method.lower()
