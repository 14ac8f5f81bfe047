"""Programs of the kinds that authors write, tested as authors test them."""

import hashlib
import hmac
import json
import os
from datetime import timedelta
from typing import Any

import autokitteh
import pytest
from aetherflow import (
    custom_data,
    emit,
    http_outcome,
    next_event,
    send_webhook_response,
    set_value,
    step,
    subscribe,
)
from aetherflow.testing import make_event, run
from autokitteh import AutoKittehError

JSON = {"Content-Type": "application/json"}


def greet(event: Any) -> None:
    data = json.loads(event.data.body.text)
    answer = {"message": f"Hello, {data['name']}!"}
    autokitteh.http_outcome(status_code=200, headers=JSON, body=json.dumps(answer))


def test_an_api_that_answers_with_json() -> None:
    result = run(greet, make_event(json={"name": "Alice"}))
    assert result.response.json() == {"message": "Hello, Alice!"}
    assert result.response.headers == JSON


def create_user(event: Any) -> None:
    try:
        given = json.loads(event.data.body.text)
        if not given.get("email"):
            autokitteh.http_outcome(status_code=400, headers=JSON, body=json.dumps({"error": "no email"}))
            return
        user = {"id": 7, "email": given["email"]}
        autokitteh.http_outcome(
            status_code=201, headers={**JSON, "Location": f"/users/{user['id']}"}, body=json.dumps(user)
        )
    except json.JSONDecodeError:
        autokitteh.http_outcome(status_code=400, headers=JSON, body=json.dumps({"error": "no JSON"}))
    except Exception as error:
        print(f"failed: {error}")
        autokitteh.http_outcome(status_code=500, headers=JSON, body=json.dumps({"error": "internal"}))


@pytest.mark.parametrize(
    ("event", "status", "answer"),
    [
        (make_event(json={"email": "a@example.com"}), 201, {"id": 7, "email": "a@example.com"}),
        (make_event(json={"name": "a"}), 400, {"error": "no email"}),
        (make_event(body="{"), 400, {"error": "no JSON"}),
        (make_event(json=[1]), 500, {"error": "internal"}),
    ],
)
def test_an_api_that_validates_what_it_gets(event: Any, status: int, answer: Any) -> None:
    result = run(create_user, event)
    assert (result.response.status_code, result.response.json()) == (status, answer)
    assert len(result.prints) == (status == 500)


def test_a_header_and_a_redirect_of_ones_own() -> None:
    result = run(create_user, make_event(json={"email": "a@example.com"}))
    assert result.response.headers["location"] == "/users/7"


def check_signature(event: Any) -> Any:
    signature = event.data.headers.get("X-Hub-Signature-256", "")
    secret = os.environ["HOOK_SECRET"].encode()
    expected = "sha256=" + hmac.new(secret, event.data.body.bytes, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, expected):
        http_outcome(status_code=401, body="Invalid signature")
        return None
    return json.loads(event.data.body.bytes)


def accept_signed(event: Any) -> None:
    data = check_signature(event)
    if data:
        print(f"received {data['action']}")
        http_outcome(200, body="OK")


def test_a_handler_that_checks_signatures() -> None:
    body = b'{"action": "opened"}'
    digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    signed = make_event(body=body, headers={"x-hub-signature-256": f"sha256={digest}"})
    result = run(accept_signed, signed, env={"HOOK_SECRET": "s3cret"})
    assert (result.response.text, result.prints) == ("OK", ["received opened"])
    refused = run(accept_signed, make_event(body=body), env={"HOOK_SECRET": "s3cret"})
    assert (refused.response.status_code, refused.response.text) == (401, "Invalid signature")
    assert "HOOK_SECRET" not in os.environ


def wait_for_second(event: Any) -> None:
    second = next_event(subscribe("second"), timeout=timedelta(minutes=1))
    if second:
        http_outcome(status_code=200, body=f"second: {second.data.body.text}")
    else:
        http_outcome(status_code=408, body="nothing came")


def test_a_handler_that_waits_for_a_second_webhook() -> None:
    came = run(wait_for_second, triggers={"second": [make_event(body="hi")]})
    assert (came.response.status_code, came.response.text) == (200, "second: hi")
    none_came = run(wait_for_second, triggers={"second": []})
    assert (none_came.response.status_code, none_came.waited_seconds) == (408, 60)


def report_progress(event: Any) -> None:
    autokitteh.http_outcome(status_code=200, body="Working...", more=True)
    autokitteh.http_outcome(status_code=200, body="Result: 42")
    set_value("finished", True)
    emit("report.finished", {"report": {"id": "r_1"}})


def test_a_handler_that_reports_progress_and_goes_on_after_its_answer() -> None:
    result = run(report_progress)
    assert result.response.text == "Result: 42"
    assert [each.more for each in result.outcomes] == [True, False]
    assert result.values == {"finished": True}
    assert result.emitted == [("report.finished", {"report": {"id": "r_1"}})]


def respond_like_openops(event: Any) -> None:
    send_webhook_response(
        status=200,
        headers={"Content-Type": "application/json"},
        body={"success": True, "message": "Data processed successfully"},
    )


def test_a_response_in_the_manner_of_openops() -> None:
    result = run(respond_like_openops)
    assert result.response.json() == {"success": True, "message": "Data processed successfully"}
    raw = run(lambda event: send_webhook_response(body_type="raw", body="Operation completed"))
    assert (raw.response.status_code, raw.response.text) == (200, "Operation completed")


def test_the_payload_has_the_members_that_are_documented() -> None:
    def handler(event: Any) -> list[Any]:
        data = event.data
        assert data.method == data["method"] == data.get("method")
        return [data.method, data.url.path, data.url.query["key1"], data.headers["accept"], data.body.form]

    event = make_event(
        method="POST", path="/foo bar", query={"key1": "value 1"}, headers={"Accept": "*/*"}, form={"a": "1"}
    )
    assert event.event_type == "post"
    assert event.data.raw_url == "/webhooks/test/foo%20bar?key1=value+1"
    assert run(handler, event).returned == ["POST", "/webhooks/test/foo bar", "value 1", "*/*", {"a": "1"}]


async def handle_order(event: Any, session_id: str) -> dict[str, Any]:
    @step("reserve")
    async def reserve() -> str:
        return "shelf 3"

    with step("note"):
        custom_data(order=event.body.json.order.id)
    return {"place": await reserve(), "session": session_id}


def test_an_async_handler_gets_its_session_and_shows_its_steps() -> None:
    result = run(handle_order, make_event(json={"order": {"id": "o_1"}}))
    assert result.response.json() == {"place": "shelf 3", "session": "ses_test"}
    assert [each.name for each in result.steps] == ["note", "reserve"]
    assert result.custom_data == {"order": "o_1"}


async def test_an_async_test_can_run_async_handlers_too() -> None:
    result = run(handle_order, make_event(json={"order": {"id": "o_1"}}), is_durable=True)
    assert result.returned["place"] == "shelf 3"


def test_a_program_may_catch_the_errors_of_the_sdk_under_both_names() -> None:
    def handler(event: Any) -> str:
        try:
            subscribe("nobody")
        except AutoKittehError as error:
            return type(error).__name__
        return ""

    assert run(handler).returned == "AetherFlowError"


class TestMakingEvents:
    def test_by_default_it_is_an_empty_post(self) -> None:
        event = make_event()
        assert (event.event_type, event.data.method, event.data.url.path_suffix) == ("post", "POST", "")
        assert event.data.body.bytes is None
        assert event.event_id

    def test_a_body_is_sent_as_it_is(self) -> None:
        assert make_event(body="é").data.body.bytes == "é".encode()
        assert make_event(body=b"\xff").data.body.bytes == b"\xff"
        assert make_event(json=None).data.body.bytes is None

    def test_a_content_type_that_is_given_wins(self) -> None:
        event = make_event(json={"a": 1}, headers={"content-type": "application/scim+json"})
        assert event.data.headers["Content-Type"] == "application/scim+json"

    def test_a_query_may_be_raw(self) -> None:
        assert make_event(query="a&b=%zz").data.url.query == {"a": "", "b": "%zz"}

    def test_only_one_body_can_be_given(self) -> None:
        with pytest.raises(ValueError, match="one of"):
            make_event(body="a", json=1)


class TestRunning:
    def test_what_a_handler_prints_is_kept(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(lambda event: print("a\nb")).prints == ["a", "b"]
        assert capsys.readouterr().out == ""

    def test_what_a_handler_raises_is_kept(self) -> None:
        result = run(lambda event: [][0])
        assert isinstance(result.raised, IndexError)
        assert result.returned is None

    def test_an_interrupt_by_the_person_at_the_keyboard_passes(self) -> None:
        def handler(event: Any) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(handler)

    def test_variables_are_there_only_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("A", "before")
        given = {"A": "during", "B": "during"}
        assert run(lambda event: os.environ["A"] + os.environ["B"], env=given).returned == "duringduring"
        assert (os.environ["A"], os.environ.get("B")) == ("before", None)

    def test_an_answer_to_another_request_is_not_the_answer(self) -> None:
        def handler(event: Any) -> str:
            http_outcome(201, body="for another", event_id="req_other")
            return "mine"

        assert run(handler).response.json() == "mine"
        assert run(lambda event: http_outcome(202, event_id=event.event_id)).response.status_code == 202
