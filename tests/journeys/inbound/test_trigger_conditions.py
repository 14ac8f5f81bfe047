"""Which requests start a session: by event type and by filter, whatever is in the request."""

import json

import pytest

from tests.journeys.inbound.deployments import Deployed, deploy
from tests.journeys.inbound.raw_requests import send
from tests.services import Service

CONDITIONS = {
    "any": {},
    "gets": {"event_type": "get"},
    "posts": {"event_type": "post"},
    "either": {"filter": 'data.method == "GET" || data.method == "POST"'},
    "in_list": {"filter": 'data.method in ["GET", "POST"]'},
    "suffix": {"filter": 'data.url.path.endsWith("/foo")'},
    "pattern": {"filter": 'data.url.path.matches("^/webhooks/.*/foo$")'},
    "exact_json": {"event_type": "post", "filter": 'data.headers["Content-Type"] == "application/json"'},
    "any_json": {
        "event_type": "post",
        "filter": 'data.headers["Content-Type"].startsWith("application/json")',
    },
    "json_pattern": {
        "event_type": "post",
        "filter": 'data.headers["Content-Type"].matches("application/json(;.*)?")',
    },
    "body": {"filter": 'data.body.json.action == "opened" && data.body.json.number > 1'},
    "by_type": {"filter": 'event_type == "propfind"'},
    "query": {"filter": 'data.url.query.a == "1, 2"'},
    "text": {"filter": 'data.body.text.contains("\\u00e9") || data.headers["X-Any"] != ""'},
    "broken": {"filter": 'data.headers["X-Missing"] == "1" || data.body.json.no.such.member > 5'},
    "errs": {"filter": "1 / int(data.body.text) == 1"},
}

JSON = {"Content-Type": "application/json"}
JSON_UTF8 = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture(scope="module")
def triggers(service: Service) -> Deployed:
    listed = [
        {"name": name, "type": "webhook", "call": "program.py:take", **condition}
        for name, condition in CONDITIONS.items()
    ]
    # JSON is YAML.
    manifest = json.dumps({"version": "v2", "project": {"name": "NAME"}, "triggers": listed})
    return deploy(service, {"aetherflow.yaml": manifest, "program.py": "def take(event): pass"})


@pytest.mark.parametrize(
    ("trigger", "method", "suffix", "headers", "body", "starts"),
    [
        ("any", "M-SEARCH", "/x", {}, b"", True),
        ("gets", "GET", "", {}, b"", True),
        ("gets", "HEAD", "", {}, b"", False),
        ("gets", "POST", "", {}, b"", False),
        ("posts", "POST", "", {}, b"", True),
        ("posts", "GET", "", {}, b"", False),
        *[(name, method, "", {}, b"", True) for name in ("either", "in_list") for method in ("GET", "POST")],
        *[(name, "PUT", "", {}, b"", False) for name in ("either", "in_list")],
        *[(name, "POST", "/a/foo", {}, b"", True) for name in ("suffix", "pattern")],
        *[(name, "POST", "/foo?x=/bar", {}, b"", True) for name in ("suffix", "pattern")],
        *[(name, "POST", "/food", {}, b"", False) for name in ("suffix", "pattern")],
        *[(name, "POST", "", JSON, b"{}", True) for name in ("exact_json", "any_json", "json_pattern")],
        *[(name, "PUT", "", JSON, b"{}", False) for name in ("exact_json", "any_json", "json_pattern")],
        *[(name, "POST", "", {}, b"{}", False) for name in ("exact_json", "any_json", "json_pattern")],
        ("exact_json", "POST", "", JSON_UTF8, b"{}", False),
        *[(name, "POST", "", JSON_UTF8, b"{}", True) for name in ("any_json", "json_pattern")],
        ("body", "POST", "", {}, b'{"action": "opened", "number": 2}', True),
        ("body", "POST", "", {}, b'{"action": "opened", "number": 1}', False),
        ("body", "POST", "", {}, b'{"action": "opened", "number": "2"}', False),
        ("body", "POST", "", {}, b"[]", False),
        ("body", "POST", "", {}, b"", False),
        ("by_type", "PROPFIND", "", {}, b"", True),
        ("by_type", "POST", "", {}, b"", False),
        ("query", "GET", "?a=1&a=2", {}, b"", True),
        ("query", "GET", "?a=1", {}, b"", False),
        ("text", "POST", "", {}, "caf\u00e9".encode(), True),
        ("text", "POST", "", {"X-Any": "1"}, b"\xff", True),
        ("broken", "POST", "", {}, b"", False),
        ("errs", "POST", "", {}, b"0", False),
        ("errs", "POST", "", {}, b"1", True),
    ],
)
def test_a_session_starts_if_event_type_and_filter_take_the_request(
    triggers: Deployed,
    trigger: str,
    method: str,
    suffix: str,
    headers: dict[str, str],
    body: bytes,
    starts: bool,
) -> None:
    answer = triggers.call(trigger, suffix, method=method, content=body, headers=headers)
    assert (answer.status_code, answer.content) == (202, b"")
    assert ("aetherflow-session-id" in answer.headers) == starts


HOSTILE_BODIES = {
    "a great integer": b'{"action": "opened", "number": 2, "id": 123456789012345678901234567890}',
    "a greater integer": b'{"action": "opened", "number": 2, "id": ' + b"9" * 5_000 + b"}",
    "a negative one": b'{"action": "opened", "number": 2, "id": -9223372036854775809}',
    "infinity": b'{"action": "opened", "number": 2, "id": 1e999}',
    "U+0000": b'{"action": "opened", "number": 2, "id": "\\u0000", "\\u0000": 1}',
    "a lone surrogate": b'{"action": "opened", "number": 2, "id": "\\ud800", "\\udfff": 1}',
    "much nesting": b'{"action": "opened", "number": 2, "id": ' + b"[" * 150 + b"]" * 150 + b"}",
    "many members": b'{"action": "opened", "number": 2, "id": [' + b",".join([b"{}"] * 20_000) + b"]}",
    "the same name twice": b'{"action": "closed", "action": "opened", "number": 2}',
}


@pytest.mark.parametrize("body", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES.keys())
def test_a_filter_works_whatever_else_is_in_the_body(triggers: Deployed, body: bytes) -> None:
    assert "aetherflow-session-id" in triggers.call("body", content=body).headers


UNREADABLE_BODIES = {
    "5,000 levels": b'{"action": "opened", "number": 2, "id": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "half a million levels": b"[" * 500_000,
    "no UTF-8": b'{"action": "opened", "number": 2, "id": "\xff"}',
    "U+0000": b"\0" * 1_000,
    "no JSON": b'{"action": "opened", "number": 2',
    "NaN": b'{"action": "opened", "number": 2, "id": NaN}',
}


@pytest.mark.parametrize("body", UNREADABLE_BODIES.values(), ids=UNREADABLE_BODIES.keys())
def test_a_filter_does_not_match_a_body_that_it_cannot_read(triggers: Deployed, body: bytes) -> None:
    answer = triggers.call("body", content=body)
    assert (answer.status_code, "aetherflow-session-id" in answer.headers) == (202, False)
    assert "aetherflow-session-id" in triggers.call("any", content=body).headers


def test_a_filter_sees_headers_and_queries_that_are_no_utf8(triggers: Deployed) -> None:
    path = triggers.path("text")
    for name, text, target in (("X-Any", "\xff\xfe", ""), ("X-Any", "1", "?a=%ff&%fe=%00")):
        answer = send(triggers.service, f"GET {path}{target} HTTP/1.1", "Host: here", f"{name}: {text}")
        assert (answer.status_code, "aetherflow-session-id" in answer.headers) == (202, True)
