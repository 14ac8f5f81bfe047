"""Which exception a failed request raises, and what it tells."""

import json
import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aetherflow.webhooks import (
    ApiError,
    Client,
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
)
from local_api import LocalApi, Reply

KEY = "afk_0123456789abcdef0123456789abcdef"

CLASSES = {
    301: ApiError,
    400: InvalidError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: ApiError,
    409: ConflictError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
    429: RateLimitedError,
    500: ApiError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with LocalApi() as running:
        yield running


def failure(api: LocalApi) -> ApiError:
    with Client(api.url, KEY) as client, pytest.raises(ApiError) as caught:
        client.events.get("evt_1")
    return caught.value


@pytest.mark.parametrize(("status", "kind"), CLASSES.items())
def test_a_status_has_its_exception(api: LocalApi, status: int, kind: type[ApiError]) -> None:
    api.reply({"code": "some_code", "detail": "Some detail."}, status=status)
    error = failure(api)
    assert type(error) is kind
    assert (error.status, error.code, error.detail) == (status, "some_code", "Some detail.")
    assert str(error) == "some_code: Some detail."


def test_a_problem_document_is_told_in_full(api: LocalApi) -> None:
    problem = {
        "type": "https://docs.example/errors/invalid",
        "title": "The request does not fit",
        "status": 422,
        "detail": "Two members do not fit.",
        "code": "invalid",
        "request_id": "req_1",
        "errors": [
            {"path": "/data", "message": "must be an object", "code": "type"},
            {"path": "?limit", "message": "must be 1 to 100", "code": "range"},
        ],
    }
    api.reply(
        problem, status=422, headers={"Content-Type": "application/problem+json", "Request-Id": "req_1"}
    )
    error = failure(api)
    assert error.request_id == "req_1"
    assert error.errors == (
        FieldError("/data", "must be an object", "type"),
        FieldError("?limit", "must be 1 to 100", "range"),
    )
    assert error.retry_after is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"[1]",
        b"\xff",
        b'{"code":1,"detail":[],"title":null,"errors":{}}',
        b'{"errors":[1,"x"]}',
        b"[" * 100_000,
    ],
    ids=["empty", "html", "list", "not utf-8", "odd types", "odd errors", "deep"],
)
def test_an_answer_that_is_no_problem_document_is_told_by_its_status(api: LocalApi, body: bytes) -> None:
    api.replies.append(Reply(502, body))
    error = failure(api)
    assert type(error) is UnavailableError
    assert (error.code, error.detail, error.errors) == ("http_502", "Bad Gateway", ())


def test_an_unknown_status_is_an_api_error(api: LocalApi) -> None:
    api.replies.append(Reply(599, b""))
    assert failure(api).code == "http_599"


def test_a_field_error_lacking_members_is_told_as_far_as_it_goes(api: LocalApi) -> None:
    api.reply({"errors": [{"path": "/data"}]}, status=422)
    assert failure(api).errors == (FieldError("/data", "", ""),)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0", 0.0), ("-1", None), ("1.5", None), ("soon", None), ("", None), ("\u00b2", None)],
)
def test_retry_after_is_whole_seconds(api: LocalApi, value: str, seconds: float | None) -> None:
    api.replies.append(Reply(429, b"", {"Retry-After": value}))
    assert failure(api).retry_after == seconds


def test_retry_after_may_be_a_date_and_is_never_negative(api: LocalApi) -> None:
    now = datetime.now(UTC)
    for moment in (now + timedelta(hours=1), now - timedelta(hours=1)):
        api.replies.append(Reply(503, b"", {"Retry-After": format_datetime(moment, usegmt=True)}))
    later, past = failure(api).retry_after, failure(api).retry_after
    assert later is not None
    assert 3000 < later <= 3600
    assert past == 0.0


def test_a_redirect_is_not_followed(api: LocalApi) -> None:
    api.replies.append(Reply(307, b"", {"Location": f"{api.url}/elsewhere"}))
    error = failure(api)
    assert (error.status, error.code) == (307, "http_307")
    assert len(api.asked) == 1


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", KEY) as client, pytest.raises(UnreachableError) as caught:
        client.publish("a.b", {})
    assert (caught.value.status, caught.value.code) == (None, "unreachable")
    assert caught.value.detail


def test_an_answer_that_does_not_come_in_time_is_unreachable(api: LocalApi) -> None:
    api.otherwise = Reply(after_seconds=0.5)
    with Client(api.url, KEY, timeout=0.05) as client:
        with pytest.raises(UnreachableError, match=r"timeout: no answer within 0\.05 seconds"):
            client.events.get("evt_1")
        with pytest.raises(UnreachableError, match=r"within 0\.02 seconds"):
            client.request("GET", "/events", timeout=0.02)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that reads something, says this and closes."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-",
    ],
    ids=["nothing", "another protocol", "cut off", "cut off in a header"],
)
def test_what_is_no_complete_answer_is_unreachable_or_malformed(answer: bytes) -> None:
    with answering(answer) as url, Client(url, KEY) as client, pytest.raises(ApiError) as caught:
        client.events.get("evt_1")
    assert caught.value.code in ("unreachable", "malformed_answer")


def test_a_refusal_that_comes_before_the_body_was_read_is_told() -> None:
    problem = json.dumps({"code": "too_large", "detail": "The body is too large."}).encode()
    head = f"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: {len(problem)}\r\n\r\n".encode()
    sent = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(head + problem)
            sent.set()
            # Keeps the connection without reading until the caller has given up sending.
            connection.shutdown(socket.SHUT_RD)
            while connection.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        with (
            Client(f"http://127.0.0.1:{server.getsockname()[1]}", KEY) as client,
            pytest.raises(InvalidError) as caught,
        ):
            client.publish("a.b", {"x": "x" * 20_000_000})
        thread.join()
    assert (caught.value.status, caught.value.code) == (413, "too_large")


def test_errors_survive_pickling() -> None:
    error = NotFoundError("gone", status=404, code="not_found", errors=[FieldError("/a", "b", "c")])
    same = pickle.loads(pickle.dumps(error))
    assert type(same) is NotFoundError
    assert vars(same) == vars(error)
