"""Calling connected services: what goes to the service, what comes back, and how it is all tested."""

import json
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aetherflow import AetherFlowError, IntegrationError, integration
from aetherflow.testing import make_answer, run


def asked_by(call: Callable[[], Any]) -> dict[str, Any]:
    """Return the request that a handler has made by a call."""
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return make_answer()

    result = run(lambda event: call() and None, integrations=answer)
    assert result.raised is None, result.raised
    (request,) = asked
    return request


@pytest.mark.parametrize(
    ("options", "content", "content_type"),
    [
        ({"json": {"a": 1}}, b'{"a":1}', "application/json"),
        ({"body": "text"}, b"text", "text/plain; charset=utf-8"),
        ({"body": b"\0"}, b"\0", "application/octet-stream"),
        ({"json": [], "headers": {"content-type": "text/x"}}, b"[]", "text/x"),
    ],
)
def test_a_body_goes_out_with_its_type(options: Any, content: bytes, content_type: str) -> None:
    request = asked_by(lambda: integration("ledger").post("orders", **options))
    assert b64decode(request["body_base64"]) == content
    assert [value for name, value in request["headers"] if name.lower() == "content-type"] == [content_type]


def test_a_time_out_is_given_in_seconds() -> None:
    request = asked_by(lambda: integration("ledger").get("/", timeout=timedelta(minutes=1)))
    assert request["timeout_seconds"] == 60


def test_the_answer_is_read_as_it_is_needed() -> None:
    def handle(event: Any) -> Any:
        answer = integration("ledger").get("/")
        return [answer.status_code, answer.headers["x-one"], answer.json().id, json.loads(answer.content)]

    result = run(handle, integrations=lambda _: make_answer(404, json={"id": 7}, headers={"X-One": "1"}))
    assert result.returned == [404, "1", 7, {"id": 7}]


def test_a_failure_can_be_given_and_is_an_error_of_the_service() -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        raise IntegrationError("late", integration=request["name"], error_code="TIMEOUT", retry_count=3)

    result = run(lambda event: integration("ledger").get("/"), integrations=answer)
    assert isinstance(result.raised, IntegrationError)
    assert isinstance(result.raised, AetherFlowError)
    assert (result.raised.integration, result.raised.error_code, result.raised.retry_count) == (
        "ledger",
        "TIMEOUT",
        3,
    )


def test_without_a_function_nothing_is_connected() -> None:
    result = run(lambda event: integration("ledger").get("/"))
    assert isinstance(result.raised, IntegrationError)
    assert result.raised.error_code == "NOT_CONNECTED"


def test_mails_are_kept() -> None:
    def handle(event: Any) -> Any:
        return integration("post").send_email(to="bob@example.com", subject="hello", html="<p>Hello")

    result = run(handle)
    assert result.returned == []
    assert result.emails == [
        {
            "name": "post",
            "to": ["bob@example.com"],
            "subject": "hello",
            "text": None,
            "html": "<p>Hello",
            "sender": None,
            "timeout_seconds": None,
        }
    ]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"to": "", "subject": "s", "text": "t"}, ValueError),
        ({"to": [7], "subject": "s", "text": "t"}, TypeError),
        ({"to": "a@b.c", "subject": None, "text": "t"}, TypeError),
        ({"to": "a@b.c", "subject": "s", "text": b"t"}, TypeError),
        ({"to": "a@b.c", "subject": "s", "text": "t", "timeout": -1}, ValueError),
    ],
)
def test_what_makes_no_mail_is_refused(options: Any, error: type[Exception]) -> None:
    result = run(lambda event: integration("post").send_email(**options))
    assert type(result.raised) is error
