"""What answers to checks mean, and what becomes of an integration by them."""

import json
from typing import Any

import pytest

from app.rules.integrations.findings import Failing, Finding, Healthy, Refused, code_of, judge_status
from app.rules.integrations.slack import judge_answer
from app.rules.integrations.states import Occasion, Status, next_status
from app.rules.lifecycle import ResultClass

GOOD, REFUSED, FAILING = Healthy(), Refused("no"), Failing("TIMEOUT", "late")
CONNECTED, DISCONNECTED, ERROR = Status.CONNECTED, Status.DISCONNECTED, Status.ERROR


@pytest.mark.parametrize("status_code", [200, 204, 301, 304, 400, 404, 405, 410, 418, 429])
def test_a_service_that_answers_is_healthy(status_code: int) -> None:
    assert judge_status(status_code) == Healthy()


@pytest.mark.parametrize("status_code", [401, 403])
def test_two_statuses_refuse_the_credentials(status_code: int) -> None:
    found = judge_status(status_code)
    assert isinstance(found, Refused)
    assert found.code == "CREDENTIALS_REFUSED"


@pytest.mark.parametrize("status_code", [500, 502, 503, 599])
def test_a_service_that_cannot_serve_is_failing(status_code: int) -> None:
    found = judge_status(status_code)
    assert isinstance(found, Failing)
    assert found.code == f"HTTP_{status_code}"


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (ResultClass.TIMEOUT, "TIMEOUT"),
        (ResultClass.DNS, "DNS"),
        (ResultClass.CONNECT, "CONNECT"),
        (ResultClass.TLS, "TLS"),
        (ResultClass.BLOCKED, "BLOCKED"),
        (ResultClass.PROTOCOL, "PROTOCOL"),
    ],
)
def test_no_answer_has_a_code_of_its_own(result: ResultClass, code: str) -> None:
    assert code_of(result, None) == code


@pytest.mark.parametrize(
    ("status_code", "said", "kind", "code"),
    [
        (200, {"ok": True}, Healthy, None),
        (200, {"ok": False, "error": "invalid_auth"}, Refused, "CREDENTIALS_REFUSED"),
        (200, {"ok": False, "error": "token_revoked"}, Refused, "CREDENTIALS_REFUSED"),
        (200, {"ok": False, "error": "internal_error"}, Failing, "SLACK_ERROR"),
        (200, {"ok": False, "error": "\0" * 5}, Failing, "SLACK_ERROR"),
        (200, {"ok": False}, Failing, "SLACK_ERROR"),
        (200, {"ok": "yes"}, Failing, "SLACK_ERROR"),
        (200, [], Failing, "PROTOCOL"),
        (200, {}, Failing, "PROTOCOL"),
        (503, {"ok": True}, Failing, "HTTP_503"),
        (401, {"ok": True}, Refused, "CREDENTIALS_REFUSED"),
    ],
)
def test_slack_says_in_its_body_what_it_thinks(
    status_code: int, said: Any, kind: Any, code: str | None
) -> None:
    found = judge_answer(status_code, json.dumps(said).encode())
    assert isinstance(found, kind)
    assert getattr(found, "code", None) == code
    assert "\0" not in str(getattr(found, "message", ""))


def test_what_is_no_json_is_none_of_slack_s() -> None:
    assert judge_answer(200, b"<html>") == Failing("PROTOCOL", "The answer is not one of Slack's.")


@pytest.mark.parametrize(
    ("status", "finding", "occasion", "was_connected", "after"),
    [
        (DISCONNECTED, GOOD, "connect", False, CONNECTED),
        (DISCONNECTED, FAILING, "connect", False, ERROR),
        (DISCONNECTED, REFUSED, "connect", True, ERROR),
        (DISCONNECTED, GOOD, "check", True, DISCONNECTED),
        (DISCONNECTED, FAILING, "check", False, DISCONNECTED),
        (DISCONNECTED, REFUSED, "call", True, DISCONNECTED),
        (CONNECTED, GOOD, "connect", True, CONNECTED),
        (CONNECTED, GOOD, "check", True, CONNECTED),
        (CONNECTED, FAILING, "check", True, ERROR),
        (CONNECTED, FAILING, "call", True, CONNECTED),
        (CONNECTED, REFUSED, "connect", True, DISCONNECTED),
        (CONNECTED, REFUSED, "check", True, DISCONNECTED),
        (CONNECTED, REFUSED, "call", True, DISCONNECTED),
        (ERROR, GOOD, "check", True, CONNECTED),
        (ERROR, GOOD, "call", True, ERROR),
        (ERROR, GOOD, "connect", False, CONNECTED),
        (ERROR, FAILING, "check", True, ERROR),
        (ERROR, REFUSED, "check", True, DISCONNECTED),
        (ERROR, REFUSED, "call", True, DISCONNECTED),
        (ERROR, REFUSED, "check", False, ERROR),
        (ERROR, REFUSED, "connect", True, ERROR),
    ],
)
def test_what_is_found_decides_on_the_status(
    status: Status, finding: Finding, occasion: Occasion, was_connected: bool, after: Status
) -> None:
    assert next_status(status, finding, occasion=occasion, was_connected=was_connected) is after
