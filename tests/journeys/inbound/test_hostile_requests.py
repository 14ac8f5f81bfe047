"""Requests that nobody sends by accident: each is answered or refused, and the next one finds everything in order."""

import json
import socket
from contextlib import ExitStack, closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journeys.inbound.deployments import Deployed, deploy
from tests.journeys.inbound.raw_requests import connect, exchange, read_answer, send
from tests.services import Service

MANIFEST = """
version: v2
project: {name: NAME}
triggers:
  - {name: echo, type: webhook, is_sync: true, call: "program.py:echo"}
  - {name: take, type: webhook, call: "program.py:take"}
  - {name: filtered, type: webhook, filter: 'data.headers["X-A"] == "1"', call: "program.py:take"}
"""

PROGRAM = """
from base64 import b64encode

def echo(event):
    body = event.data.body
    content = None if body.bytes is None else b64encode(body.bytes).decode()
    return {**event.data, "body": {**body, "bytes": content}}

def take(event):
    pass
"""


@pytest.fixture(scope="module")
def target(service: Service) -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


def still_works(target: Deployed) -> bool:
    return bool(target.call("echo", content=b"1").json()["body"]["json"] == 1)


BODIES = {
    "a great integer": (b"123456789012345678901234567890", 123456789012345678901234567890),
    "an integer of 10,000 digits": (b"9" * 10_000, None),
    "5,000 levels": (b"[" * 5_000 + b"]" * 5_000, None),
    "500,000 levels": (b"[" * 500_000, None),
    "objects in objects": (b'{"a":' * 80_000, None),
    "U+0000": (b'"a\\u0000b"', "a\0b"),
    "NUL": (b"\0", None),
    "no UTF-8": (b'"\xff\xfe"', None),
    "a lone surrogate": (b'"\\ud800"', "\ud800"),
    "an overlong NUL": (b'"\xc0\x80"', None),
    "a great exponent": (b"1e400", None),
}


@pytest.mark.parametrize(("body", "value"), BODIES.values(), ids=BODIES.keys())
def test_a_body_reaches_the_handler_whatever_it_is(target: Deployed, body: bytes, value: Any) -> None:
    answer = target.call("echo", content=body)
    assert answer.status_code == 200, answer.text[:300]
    seen = answer.text
    if value is not None:
        assert json.loads(seen)["body"]["json"] == value
    assert still_works(target)


def test_many_parameters_and_headers_reach_the_handler(target: Deployed) -> None:
    query = "&".join(["a=1"] * 9_999)
    headers = [f"X-Header-{number}: {number}" for number in range(200)]
    answer = send(target.service, f"GET {target.path('echo')}?{query}&b=2 HTTP/1.1", "Host: here", *headers)
    assert answer.status_code == 200
    assert answer.json()["headers"]["X-Header-199"] == "199"
    assert answer.json()["url"]["query"] == {"a": ", ".join(["1"] * 9_999), "b": "2"}


def test_a_target_of_more_than_64_kib_is_refused(target: Deployed) -> None:
    answer = send(target.service, f"GET {target.path('echo')}?{'a' * 70_000} HTTP/1.1", "Host: here")
    assert answer.status_code == 400
    assert still_works(target)


TARGETS = {
    "NUL escaped": ("{path}/%00?a=%00", 200, {"path_suffix": "\0"}),
    "no UTF-8 escaped": ("{path}/%ff%c0%80", 200, {"path_suffix": "\ufffd\ufffd\ufffd"}),
    "dots": ("{path}/../../api/v1/events", 200, {"path_suffix": "../../api/v1/events"}),
    "slashes": ("{path}//a//", 200, {"path_suffix": "/a//"}),
    "a slug behind dots": ("/webhooks/../webhooks/x", 404, {}),
    "two slashes first": ("/{path}", 404, {}),
    "an escaped prefix": ("/%77ebhooks/none", 404, {}),
    "absolute": ("http://elsewhere.example{path}/a?b=c", 200, {"path_suffix": "a", "query": {"b": "c"}}),
    "absolute with a user": ("http://u:p@elsewhere.example:1{path}", 200, {"path_suffix": ""}),
    "a backslash": ("{path}\\a", 404, {}),
    "question marks": ("{path}???", 200, {"query": {"??": ""}}),
    "ampersands": ("{path}?&&=&=1&", 200, {}),
    "semicolons": ("{path};a=b/c", 404, {}),
    "brackets": ("{path}/[]<>|^`?{{}}", 200, {"path_suffix": "[]<>|^`"}),
}


@pytest.mark.parametrize(("written", "status", "url"), TARGETS.values(), ids=TARGETS.keys())
def test_a_target_is_taken_as_it_is_or_not_found(
    target: Deployed, written: str, status: int, url: dict[str, Any]
) -> None:
    line = f"GET {written.format(path=target.path('echo'))} HTTP/1.1"
    answer = send(target.service, line, "Host: here")
    assert answer.status_code == status, answer.text
    if status == 200:
        assert {name: answer.json()["url"][name] for name in url} == url


REFUSED = {
    "a bare target": "GET webhooks/x HTTP/1.1",
    "a raw NUL in the path": "GET {path}/\0 HTTP/1.1",
    "a space in the path": "GET {path}/a b HTTP/1.1",
    "another protocol": "GET {path} SMTP/1.1",
    "an asterisk": "OPTIONS * HTTP/1.1",
    "a method in brackets": "(GET) {path} HTTP/1.1",
    "a method of control characters": "\x01\x02 {path} HTTP/1.1",
    "a tunnel": "CONNECT {path}:443 HTTP/1.1",
    "HTTP/2 with prior knowledge": "PRI * HTTP/2.0",
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_request_is_refused(target: Deployed, line: str) -> None:
    answer = exchange(
        target.service, line.format(path=target.path("echo")).encode("latin-1"), b"\r\nHost: here\r\n\r\n"
    )
    assert answer is None or 400 <= answer.status_code < 500
    assert still_works(target)


@pytest.mark.parametrize(
    "method", ["BREW", "G", "get", "X-" * 20 + "Y", "!#$%&'*+-.^_`|~09", "PRI", "SOURCE"]
)
def test_any_token_is_a_method(target: Deployed, method: str) -> None:
    path = target.path("echo")
    answer = send(
        target.service, f"{method} {path}/a?b=c HTTP/1.1", "Host: here", "Content-Length: 4", body=b"body"
    )
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert (seen["method"], seen["url"]["path_suffix"], seen["url"]["raw_query"]) == (method, "a", "b=c")
    assert seen["body"]["text"] == "body"


def test_a_method_may_come_in_pieces_and_again_on_the_same_connection(target: Deployed) -> None:
    lines = f"{target.path('echo')} HTTP/1.1\r\nHost: here\r\n\r\n".encode()
    with closing(connect(target.service)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for method in (b"POST", b"BREW", b"POST", b"BREW"):
            for piece in (method[:1], method[1:], b" ", lines[:9], lines[9:]):
                connection.sendall(piece)
            answer = read_answer(connection)
            assert answer is not None
            assert (answer.status_code, answer.json()["method"]) == (200, method.decode())


def test_what_a_body_begins_with_is_no_method(target: Deployed) -> None:
    head = f"POST {target.path('echo')} HTTP/1.1\r\nHost: here\r\nContent-Length: 16\r\n\r\n"
    with closing(connect(target.service)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):
            for piece in (head, "BREW / HT", "TP/1.1\n"):
                connection.sendall(piece.encode())
            answer = read_answer(connection)
            assert answer is not None
            assert (answer.status_code, answer.json()["body"]["text"]) == (200, "BREW / HTTP/1.1\n")


@pytest.mark.parametrize("value", ["\x80\xff", "\t x \t", "", "a" * 30_000, "=?utf-8?q?x?="])
def test_a_header_holds_any_octets(target: Deployed, value: str) -> None:
    answer = send(target.service, f"POST {target.path('echo')} HTTP/1.1", "Host: here", f"X-Odd: {value}")
    assert answer.status_code == 200
    assert answer.json()["headers"]["X-Odd"] == value.strip(" \t")


def test_a_request_says_that_it_goes_on_and_does(target: Deployed) -> None:
    head = f"POST {target.path('echo')} HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with closing(connect(target.service)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"42")
        answer = read_answer(connection)
        assert answer is not None
        assert (answer.status_code, answer.json()["body"]["json"]) == (200, 42)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Content-Length: 0"], b""),
        (["Transfer-Encoding: chunked"], b"0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"1;ext=1\r\na\r\n0\r\nTrailer: 1\r\n\r\n"),
        (["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"], b""),
        (["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"], b""),
        (["Expect: the-impossible"], b""),
    ],
)
def test_unusual_framing_is_understood(target: Deployed, headers: list[str], body: bytes) -> None:
    head = "\r\n".join([f"POST {target.path('echo')} HTTP/1.1", "Host: here", *headers, "", ""])
    answer = exchange(target.service, head.encode() + body)
    assert answer is not None
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 1", "Content-Length: 2"],
        ["Content-Length: 1", "Transfer-Encoding: chunked"],
        ["Content-Length: -1"],
        ["Content-Length: +1"],
        ["Content-Length: 99999999999999999999999"],
        ["Transfer-Encoding: gzip, chunked, identity"],
        ["X : 1"],
        ["X\x00: 1"],
        ["X: 1\x00"],
        [" folded: 1"],
        [": 1"],
        ["no colon"],
    ],
)
def test_ambiguous_framing_is_refused(target: Deployed, headers: list[str]) -> None:
    head = "\r\n".join([f"POST {target.path('echo')} HTTP/1.1", "Host: here", *headers, "", ""])
    answer = exchange(target.service, head.encode("latin-1") + b"0\r\n\r\n")
    assert answer is None or answer.status_code == 400
    assert still_works(target)


def test_requests_that_never_end_cost_nobody_else_anything(target: Deployed) -> None:
    path = target.path("echo")
    beginnings = [
        f"POST {path} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
        f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nabc",
        f"POST {path} HTTP/1.1\r\nHost: he",
        "POS",
        "BRE",
        "",
    ]
    with ExitStack() as stack:
        for _ in range(10):
            for beginning in beginnings:
                connection = stack.enter_context(closing(connect(target.service)))
                connection.sendall(beginning.encode())
        assert still_works(target)
    assert still_works(target)


TOKEN = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabc-_!~", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)
PATH = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=TOKEN | st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS"]),
    suffix=PATH,
    headers=st.lists(st.tuples(TOKEN.map("X-".__add__), VALUE), max_size=5),
    body=st.binary(max_size=200),
)
def test_whatever_is_sent_is_taken_or_refused_and_never_a_mistake_of_ours(
    target: Deployed, method: str, suffix: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    for trigger, taken in (("echo", {200, 404}), ("take", {202, 404}), ("filtered", {202, 404})):
        lines = [
            f"{method} {target.path(trigger)}{suffix} HTTP/1.1",
            "Host: here",
            f"Content-Length: {len(body)}",
            *[f"{name}: {value}" for name, value in headers],
        ]
        answer = send(target.service, *lines, body=body)
        assert answer.status_code in taken | {400}, answer.text


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_request_is_taken_or_refused(target: Deployed, data: st.DataObject) -> None:
    whole = bytearray(
        f"POST {target.path('take')}/a?b=c HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nX-A: 1\r\n"
        "Connection: close\r\n\r\n42".encode()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    with closing(connect(target.service)) as connection:
        connection.sendall(whole)
        # What has become too short would be waited for.
        connection.shutdown(socket.SHUT_WR)
        answer = read_answer(connection)
    assert answer is None or answer.status_code in {202, 400, 404, 405, 413, 414, 431, 505}, answer.text
