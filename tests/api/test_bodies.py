"""What requests may have as their body."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.api.problems import assert_refused
from tests.api.raw_http import head, send_raw
from tests.services import Service

# No body gets as far as what differs between the wirings.
pytestmark = pytest.mark.parametrize("service", ["embedded"], indirect=True)

LIMIT = 262_144
BATCH_LIMIT = 5_242_880

NO_JSON = [
    b"{",
    b"not json",
    b'{"event": "a.b", "data": {},}',
    b'{"event": "a.b", "data": {}} {}',
    b'{"event": "a.b", "data": {"a": NaN}}',
    b'{"event": "a.b", "data": {"a": Infinity}}',
    b'{"event": "a.b", "data": {"a": -Infinity}}',
    b'{"event": "a.b", "data": {"a": 1e999, "b": NaN}}',
    b'{"event": "a.b", "data": {"a": "\xff"}}',
    b'{"event": "a.b", "data": {"\xc3\x28": 1}}',
    b'{"event": "a.b", "data": {"a": "\xed\xa0\x80"}}',
    b'{"event": "a.b", "data": {"a": "\\ud800"}}',
    b'{"event": "a.b", "data": {"a": "\\udc00\\ud800"}}',
    b'{"event": "a.b", "data": {"a": "\x00"}}',
    b'{"event": "a.b", "data": {"a": "\n"}}',
    b'{"event": "a.b", "data": {"a": 01}}',
    b'{"event": "a.b", "data": {"a": 0x1}}',
    b'{"event": "a.b", "data": {"a": .5}}',
    b'\xef\xbb\xbf{"event": "a.b", "data": {}}',
    '{"event": "a.b", "data": {}}'.encode("utf-16"),
]

# Paths that take a body, as a path's rest below the endpoint where there is one.
TAKING = ["/events", "/events/batch", "/endpoints", "/api-keys", "{endpoint}/test", "{endpoint}/enable"]


@pytest.fixture
def endpoint(workspace: httpx2.Client) -> str:
    made = workspace.post("/endpoints", json={"url": "http://127.0.0.1:9/", "enabled": False})
    return f"/endpoints/{made.json()['id']}"


@pytest.mark.parametrize("body", NO_JSON)
def test_what_is_no_json_is_malformed(workspace: httpx2.Client, body: bytes) -> None:
    for path in ("/events", "/events/batch", "/endpoints"):
        assert_refused(workspace.post(path, content=body), 400, "malformed_json")


@pytest.mark.parametrize("path", TAKING)
def test_every_route_refuses_what_is_no_json(workspace: httpx2.Client, endpoint: str, path: str) -> None:
    assert_refused(workspace.post(path.format(endpoint=endpoint), content=b"{"), 400, "malformed_json")
    assert_refused(workspace.patch(endpoint, content=b"{"), 400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b'[{"event": "a.b", "data": {}}]', b'"{}"', b"null", b"1", b"true"])
@pytest.mark.parametrize("path", TAKING)
def test_a_body_is_an_object(workspace: httpx2.Client, endpoint: str, path: str, body: bytes) -> None:
    answer = workspace.post(path.format(endpoint=endpoint), content=body)
    assert_refused(answer, 422, "invalid", "")


@pytest.mark.parametrize("path", ["/events", "/events/batch", "/endpoints", "/api-keys"])
def test_where_a_body_is_needed_none_is_no_json(workspace: httpx2.Client, path: str) -> None:
    assert_refused(workspace.post(path), 400, "malformed_json")


@pytest.mark.parametrize("path", ["/enable", "/disable", "/test"])
@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
def test_where_none_is_needed_an_empty_object_will_do(
    workspace: httpx2.Client, endpoint: str, path: str, body: bytes
) -> None:
    assert workspace.post(endpoint + path, content=body).is_success


def nest(levels: int) -> bytes:
    return b'{"event": "a.b", "data": ' + b'{"a":' * (levels - 2) + b"[]" + b"}" * (levels - 2) + b"}"


@pytest.mark.parametrize("levels", [99, 100])
def test_a_hundred_levels_are_published(workspace: httpx2.Client, levels: int) -> None:
    assert workspace.post("/events", content=nest(levels)).status_code == 202


@pytest.mark.parametrize("levels", [101, 1_000, 1_100])
def test_more_levels_are_too_deep(workspace: httpx2.Client, levels: int) -> None:
    assert_refused(workspace.post("/events", content=nest(levels)), 422, "too_deep")
    assert_refused(workspace.post("/endpoints", content=nest(levels)), 422, "too_deep")


HOSTILE = {
    "brackets": b"[" * 100_000,
    "closed brackets": nest(100_000),
    "nests beside each other": b'{"events":[' + b",".join([b"[" * 900 + b"]" * 900] * 2_000) + b"]}",
    "quotes": b'{"events": [' + b'"' * 5_000_000,
    "backslashes": b'{"events": ["' + b"\\" * 5_000_000 + b'"]}',
    "escaped quotes": b'{"events": ["' + b'\\"' * 2_500_000 + b'"]}',
    "open strings": b'{"events": ["' + b'\\"[' * 1_700_000,
    "numbers": b'{"events": [' + b"1e999," * 800_000 + b"1]}",
    "digits": b'{"events": ' + b"1" * 5_000_000 + b"}",
    "unknown members": b"{" + b",".join(b'"%d":1' % n for n in range(300_000)) + b"}",
    "wrong events": b'{"events": [' + b",".join([b"{}"] * 1_000) + b"]}",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(20)
def test_five_megabytes_of_trouble_are_refused_and_hold_nothing_up(
    workspace: httpx2.Client, name: str
) -> None:
    answer = workspace.post("/events/batch", content=HOSTILE[name])
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("malformed_json", "too_deep", "invalid")


@pytest.mark.parametrize("name", ["escaped quotes", "brackets"])
def test_a_long_text_is_no_trouble(workspace: httpx2.Client, name: str) -> None:
    text = {"escaped quotes": '"\\' * 60_000, "brackets": "[{" * 100_000}[name]
    answer = workspace.post("/events", json={"event": "a.b", "data": {"text": text}})
    assert answer.status_code == 202
    shown = workspace.get(f"/events/{answer.json()['id']}").json()
    assert shown["payload"]["data"]["text"] == text


def test_the_last_of_members_with_one_name_counts_and_nobody_reads_another(workspace: httpx2.Client) -> None:
    body = b'{"event": "x.y", "data": {"n": 1}, "d\\u0061ta": {"n": 2}, "event": "a.b", "id": null}'
    answer = workspace.post("/events", content=body)
    assert (answer.status_code, answer.json()["event"]) == (202, "a.b")
    payload = workspace.get(f"/events/{answer.json()['id']}").json()["payload"]
    assert (payload["event"], payload["data"]) == ("a.b", {"n": 2})


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/xml",
        "json",
        "a/b;c",
    ],
)
@pytest.mark.parametrize("path", TAKING)
def test_another_content_type_is_refused(
    workspace: httpx2.Client, endpoint: str, path: str, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    answer = workspace.post(path.format(endpoint=endpoint), content=b"{}", headers=headers)
    assert_refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", None])
def test_json_may_be_named_in_any_case_or_not_at_all(
    workspace: httpx2.Client, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = workspace.post("/events", content=b'{"event": "a.b", "data": {}}', headers=headers)
    assert answer.status_code == 202


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, identity"])
def test_a_compressed_body_is_refused(workspace: httpx2.Client, encoding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    assert_refused(workspace.post("/events", content=b"{}", headers=headers), 415, "unsupported_media_type")


def padded(length: int) -> bytes:
    """Return a body for an endpoint that is padded to a length."""
    start = b'{"url": "http://127.0.0.1:9/"'
    return start + b" " * (length - len(start) - 1) + b"}"


def test_a_body_may_have_the_limit_and_no_more(workspace: httpx2.Client) -> None:
    assert workspace.post("/endpoints", content=padded(LIMIT)).status_code == 201
    assert_refused(workspace.post("/endpoints", content=padded(LIMIT + 1)), 413, "too_large")


def test_a_body_that_says_it_is_too_large_is_not_waited_for(service: Service) -> None:
    for path, limit in (("/endpoints", LIMIT), ("/events", BATCH_LIMIT), ("/events/batch", BATCH_LIMIT)):
        for length in (limit + 1, 10**12):
            start = head(service, path, [("Content-Length", str(length))])
            assert_refused(send_raw(service, start, b"{"), 413, "too_large")


def test_a_body_that_proves_too_large_is_not_read_to_its_end(service: Service) -> None:
    start = head(service, "/endpoints", [("Transfer-Encoding", "chunked")])
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    # No last chunk: who waits for the end waits for ever.
    assert_refused(send_raw(service, start, *[chunk] * 5), 413, "too_large")


def test_a_caller_that_hangs_up_in_the_middle_is_no_mistake_of_ours(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.server.port)) as connection:
        connection.sendall(head(service, "/endpoints", [("Content-Length", "1000")]) + b'{"url"')
    # The next request on the same loop comes after it.
    assert service.api.get("/events").status_code == 200
    assert "request_failed" not in "".join(service.logs().values())


def test_a_chunked_body_within_the_limit_is_a_body(workspace: httpx2.Client) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"event": "a.b",'
        yield b' "data": {}}'

    assert workspace.post("/events", content=pieces()).status_code == 202


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"timeout_seconds": "10"}, "/timeout_seconds"),
        ({"timeout_seconds": True}, "/timeout_seconds"),
        ({"timeout_seconds": [10]}, "/timeout_seconds"),
        ({"concurrency": "10"}, "/concurrency"),
        ({"concurrency": 1.0}, "/concurrency"),
        ({"concurrency": 1.5}, "/concurrency"),
        ({"concurrency": True}, "/concurrency"),
        ({"enabled": "true"}, "/enabled"),
        ({"enabled": 1}, "/enabled"),
        ({"events": "a.b"}, "/events"),
        ({"events": {}}, "/events"),
        ({"events": [1]}, "/events/0"),
        ({"headers": []}, "/headers"),
        ({"headers": {"X-A": 1}}, "/headers/X-A"),
        ({"headers": {"X-A": None}}, "/headers/X-A"),
        ({"metadata": {"a": 1}}, "/metadata/a"),
        ({"metadata": {"a/b~c": None}}, "/metadata/a~1b~0c"),
        ({"description": 1}, "/description"),
        ({"retry": []}, "/retry"),
        ({"retry": {"max_retries": "1"}}, "/retry/max_retries"),
        ({"retry": {"max_retries": 1.0}}, "/retry/max_retries"),
        ({"retry": {"schedule": ["1"]}}, "/retry/schedule/0"),
        ({"retry": {"schedule": [1, True]}}, "/retry/schedule/1"),
        ({"url": 1}, "/url"),
        ({"url": None}, "/url"),
    ],
)
def test_types_are_strict(workspace: httpx2.Client, endpoint: str, body: dict[str, Any], path: str) -> None:
    answer = workspace.post("/endpoints", json={"url": "http://127.0.0.1:9/", **body})
    assert_refused(answer, 422, "invalid", path)
    assert_refused(workspace.patch(endpoint, json=body), 422, "invalid", path)


def test_a_number_too_large_for_its_place_is_told_like_any_other(workspace: httpx2.Client) -> None:
    for number in (b"1e999", b"1" * 400, b"-1e999"):
        body = b'{"url": "http://127.0.0.1:9/", "timeout_seconds": ' + number + b"}"
        assert_refused(workspace.post("/endpoints", content=body), 422, "invalid", "/timeout_seconds")


# Members that a later version may have: until then nobody may believe that they work.
UNKNOWN = ["filter", "rate_limit", "ordered", "id", "workspace_id", "created_at", "Url", "url "]


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_member_is_named(workspace: httpx2.Client, endpoint: str, name: str) -> None:
    answers = [
        workspace.post("/endpoints", json={"url": "http://127.0.0.1:9/", name: None}),
        workspace.patch(endpoint, json={name: None}),
        workspace.post(f"{endpoint}/enable", json={name: None}),
        workspace.post(f"{endpoint}/test", json={name: None}),
    ]
    for answer in answers:
        problem = assert_refused(answer, 422, "invalid", f"/{name}")
        assert problem["errors"][0]["code"] == "unknown"


def test_unknown_members_are_named_wherever_they_are(workspace: httpx2.Client) -> None:
    url = "http://127.0.0.1:9/"
    answer = workspace.post("/endpoints", json={"url": url, "retry": {"max_tries": 1}})
    assert_refused(answer, 422, "invalid", "/retry/max_tries")
    event = {"event": "a.b", "data": {}}
    answer = workspace.post("/events", json={**event, "a/b": 1, "~": 2})
    assert_refused(answer, 422, "invalid", "/a~1b", "/~0")
    answer = workspace.post("/events/batch", json={"events": [event, {**event, "type": "x"}], "more": 1})
    assert_refused(answer, 422, "invalid", "/more", "/events/1/type")


def test_everything_that_is_wrong_is_told_at_once(workspace: httpx2.Client) -> None:
    answer = workspace.post("/endpoints", json={"timeout_seconds": 31, "concurrency": 0, "colour": "red"})
    problem = assert_refused(answer, 422, "invalid")
    told = {error["path"]: error["code"] for error in problem["errors"]}
    assert told == {
        "/url": "missing",
        "/timeout_seconds": "invalid",
        "/concurrency": "invalid",
        "/colour": "unknown",
    }


def test_no_more_is_told_than_anybody_reads(workspace: httpx2.Client) -> None:
    many = {f"member_{number}": 1 for number in range(5_000)}
    for path in ("/events", "/endpoints"):
        answer = workspace.post(path, json=many)
        assert len(assert_refused(answer, 422, "invalid")["errors"]) == 100


def test_a_problem_does_not_repeat_what_was_sent(workspace: httpx2.Client) -> None:
    canary = "canary-4711"
    bodies = [
        {"url": canary, "secret": canary},
        {"url": "http://127.0.0.1:9/", "secret": canary},
        {"url": "http://127.0.0.1:9/", "schemes": ["v1a"], "ed25519_secret": canary},
        {"url": "http://127.0.0.1:9/", "headers": {"Authorization": f"{canary}\n"}},
        {"url": "http://127.0.0.1:9/", "headers": canary},
    ]
    for body in bodies:
        answer = workspace.post("/endpoints", json=body)
        assert answer.status_code == 422
        assert canary not in json.dumps(answer.json())


ROUTES = [
    ("GET", "/events"),
    ("POST", "/events"),
    ("POST", "/events/batch"),
    ("GET", "/events/{event}"),
    ("POST", "/events/{event}/replay"),
    ("GET", "/endpoints"),
    ("POST", "/endpoints"),
    ("GET", "{endpoint}"),
    ("PATCH", "{endpoint}"),
    ("DELETE", "{endpoint}"),
    ("POST", "{endpoint}/enable"),
    ("POST", "{endpoint}/disable"),
    ("POST", "{endpoint}/test"),
    ("GET", "/deliveries"),
    ("GET", "/deliveries/{delivery}"),
    ("POST", "/deliveries/{delivery}/retry"),
    ("POST", "/deliveries/{delivery}/cancel"),
    ("GET", "/api-keys"),
    ("POST", "/api-keys"),
    ("DELETE", "/api-keys/{key}"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_unknown_and_repeated_parameters_are_refused_and_change_nothing(
    workspace: httpx2.Client, endpoint: str, method: str, path: str
) -> None:
    sent = workspace.post(f"{endpoint}/test").json()
    key = workspace.post("/api-keys", json={"name": "a key", "scopes": ["read"]}).json()["id"]
    path = path.format(endpoint=endpoint, event=sent["event_id"], delivery=sent["delivery_id"], key=key)
    assert_refused(workspace.request(method, f"{path}?colour=red"), 422, "invalid", "?colour")
    assert_refused(workspace.request(method, f"{path}?a=1&a=1&b&b"), 422, "invalid", "?a", "?b")
    assert workspace.get(endpoint).json()["enabled"] is False
    assert workspace.get(f"/deliveries/{sent['delivery_id']}").status_code == 200
    assert key in workspace.get("/api-keys").text
