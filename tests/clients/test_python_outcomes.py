"""Answers that a handler gives, and those that it cannot give."""

import json
import math
from typing import Any

import pytest
from aetherflow import AetherFlowError, custom_data, emit, http_outcome, outcome, send_webhook_response
from aetherflow.testing import Outcome, Result, make_event, run


def told(function: Any, *args: Any, **kwargs: Any) -> Outcome:
    result = run(lambda event: function(*args, **kwargs))
    assert result.raised is None, result.raised
    (only,) = result.outcomes
    return only


def error_of(function: Any, *args: Any, **kwargs: Any) -> BaseException:
    result = run(lambda event: function(*args, **kwargs))
    assert result.outcomes == []
    assert result.raised is not None
    return result.raised


class TestHttpOutcome:
    def test_without_arguments_it_is_an_empty_200(self) -> None:
        assert told(http_outcome) == Outcome("http", status_code=200, headers=told(http_outcome).headers)
        assert told(http_outcome).headers == {}
        assert told(http_outcome).body is None

    @pytest.mark.parametrize(
        ("body", "content_type", "sent"),
        [
            ("hello", "text/plain; charset=utf-8", b"hello"),
            ("", "text/plain; charset=utf-8", b""),
            ("é", "text/plain; charset=utf-8", "é".encode()),
            ("<h1>Hi</h1>", "text/html", b"<h1>Hi</h1>"),
            ("<p>é</p>", "text/html; charset=utf-8", "<p>é</p>".encode()),
            ("\n <!DocType HTML>", "text/html", b"\n <!DocType HTML>"),
            ("<!-- x -->", "text/html", b"<!-- x -->"),
            ("<paragraph>", "text/plain; charset=utf-8", b"<paragraph>"),
            ("a <b>", "text/plain; charset=utf-8", b"a <b>"),
            (b"<html>", "application/octet-stream", b"<html>"),
            ({"a": [1, None]}, "application/json", b'{"a":[1,null]}'),
            ([], "application/json", b"[]"),
        ],
    )
    def test_a_body_without_a_content_type_gets_one(self, body: Any, content_type: str, sent: bytes) -> None:
        found = told(http_outcome, body=body)
        assert found.body == sent
        assert found.headers == {"Content-Type": content_type}

    def test_a_content_type_that_is_given_stays(self) -> None:
        found = told(http_outcome, headers={"content-type": "application/xml"}, body={"a": 1})
        assert found.headers == {"Content-Type": "application/xml"}

    @pytest.mark.parametrize("value", [0, "", [], {}, False, "text", {"a": 1}])
    def test_any_value_can_be_sent_as_json(self, value: Any) -> None:
        found = told(http_outcome, 201, json=value)
        assert found.status_code == 201
        assert json.loads(found.body or b"") == value
        assert found.headers == {"Content-Type": "application/json"}

    @pytest.mark.parametrize("body", ["text", b"octets"])
    def test_a_second_positional_text_is_the_body(self, body: Any) -> None:
        found = told(http_outcome, 404, body)
        assert (found.status_code, found.body) == (404, b"text" if body == "text" else b"octets")

    def test_a_header_may_have_several_values_and_numbers(self) -> None:
        found = told(http_outcome, headers={"X-A": ["1", "2"], "X-Id": 7, "X-B": " padded\t"})
        assert found.headers == {"X-A": "1, 2", "X-Id": "7", "X-B": "padded"}

    def test_the_request_that_it_answers_can_be_named(self) -> None:
        assert told(http_outcome, event_id="req_2").event_id == "req_2"

    @pytest.mark.parametrize("status", [200, 299, 404, 599])
    def test_statuses_that_end_an_answer_are_accepted(self, status: int) -> None:
        assert told(http_outcome, status).status_code == status

    @pytest.mark.parametrize(
        ("arguments", "kind"),
        [
            ({"status_code": 199}, ValueError),
            ({"status_code": 100}, ValueError),
            ({"status_code": 600}, ValueError),
            ({"status_code": 0}, ValueError),
            ({"status_code": "200"}, TypeError),
            ({"status_code": True}, TypeError),
            ({"status_code": 200.0}, TypeError),
            ({"status_code": None}, TypeError),
            ({"headers": {"X-A": "1\r\nSet-Cookie: a=b"}}, ValueError),
            ({"headers": {"X-A": "1\n2"}}, ValueError),
            ({"headers": {"X-A": "nul\0"}}, ValueError),
            ({"headers": {"X-A": "日本"}}, ValueError),
            ({"headers": {"X-A": ["fine", "not\rfine"]}}, ValueError),
            ({"headers": {"X A": "1"}}, ValueError),
            ({"headers": {"X-A:": "1"}}, ValueError),
            ({"headers": {"": "1"}}, ValueError),
            ({"headers": {"X-A\r\n": "1"}}, ValueError),
            ({"headers": {1: "1"}}, TypeError),
            ({"headers": {"X-A": None}}, TypeError),
            ({"headers": {"X-A": True}}, TypeError),
            ({"headers": {"X-A": {"a": 1}}}, TypeError),
            ({"headers": [("X-A", "1")]}, TypeError),
            ({"headers": "text", "body": "text"}, TypeError),
            ({"body": 5}, TypeError),
            ({"body": ("a",)}, TypeError),
            ({"body": {"a": object()}}, TypeError),
            ({"body": {"a": {1}}}, TypeError),
            ({"body": [math.nan]}, ValueError),
            ({"body": "\ud800"}, ValueError),
            ({"body": "x" * (6 * 1024 * 1024 + 1)}, ValueError),
            ({"json": object()}, TypeError),
            ({"body": "", "json": 1}, ValueError),
            ({"event_id": ""}, ValueError),
            ({"event_id": 5}, TypeError),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_what_cannot_be_sent_raises_in_the_handler(self, arguments: Any, kind: type[Exception]) -> None:
        assert type(error_of(http_outcome, **arguments)) in (kind, UnicodeEncodeError)

    def test_the_largest_body_is_accepted(self) -> None:
        assert len(told(http_outcome, body="x" * (6 * 1024 * 1024)).body or b"") == 6 * 1024 * 1024

    def test_more_is_an_outcome_and_no_answer(self) -> None:
        def handler(event: Any) -> None:
            http_outcome(body="working", more=True)
            http_outcome(202, body="done")
            http_outcome(500, body="too late")

        result = run(handler)
        assert [(each.body, each.more) for each in result.outcomes] == [
            (b"working", True),
            (b"done", False),
            (b"too late", False),
        ]
        assert (result.response.status_code, result.response.text) == (202, "done")


class TestSendWebhookResponse:
    @pytest.mark.parametrize(
        ("arguments", "status", "content_type", "sent"),
        [
            ({}, 200, None, None),
            ({"body": {"success": True}}, 200, "application/json", b'{"success":true}'),
            ({"body": ' {"a": 1} '}, 200, "application/json", b'{"a":1}'),
            ({"body": "5"}, 200, "application/json", b"5"),
            ({"body": 0}, 200, "application/json", b"0"),
            ({"status": "201", "body": []}, 201, "application/json", b"[]"),
            ({"body_type": "raw", "body": "it is done"}, 200, "text/plain; charset=utf-8", b"it is done"),
            ({"body_type": "raw"}, 200, None, None),
            (
                {"headers": '{"Content-Type": "text/csv"}', "body_type": "raw", "body": "a,b"},
                200,
                "text/csv",
                b"a,b",
            ),
            ({"headers": "", "body": 1}, 200, "application/json", b"1"),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_what_is_sent(
        self, arguments: Any, status: int, content_type: str | None, sent: bytes | None
    ) -> None:
        found = told(send_webhook_response, **arguments)
        assert (found.status_code, found.body) == (status, sent)
        assert (found.headers or {}).get("Content-Type") == content_type

    @pytest.mark.parametrize(
        ("arguments", "kind"),
        [
            ({"status": "2O1"}, ValueError),
            ({"status": "99"}, ValueError),
            ({"status": "²"}, ValueError),
            ({"status": ""}, ValueError),
            ({"status": None}, TypeError),
            ({"headers": "[1]"}, ValueError),
            ({"headers": "X-A: 1"}, ValueError),
            ({"headers": '{"X-A": "1\\r\\n"}'}, ValueError),
            ({"body_type": "xml"}, ValueError),
            ({"body": "no json"}, ValueError),
            ({"body": "NaN"}, ValueError),
            ({"body": object()}, TypeError),
            ({"body_type": "raw", "body": {"a": 1}}, TypeError),
            ({"body_type": "raw", "body": b"a"}, TypeError),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_what_cannot_be_sent_raises_in_the_handler(self, arguments: Any, kind: type[Exception]) -> None:
        assert type(error_of(send_webhook_response, **arguments)) is kind


class TestOtherResults:
    def test_an_outcome_is_any_json_value(self) -> None:
        assert told(outcome, {"a": [1]}) == Outcome("value", value={"a": [1]})
        assert told(outcome, None) == Outcome("value", value=None)
        assert isinstance(error_of(outcome, object()), TypeError)
        assert isinstance(error_of(outcome, math.inf), ValueError)

    def test_a_result_that_holds_itself_is_refused(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        assert isinstance(error_of(outcome, loop), ValueError)

    def test_custom_data_adds_up(self) -> None:
        def handler(event: Any) -> None:
            custom_data(order="o_1", total=5)
            custom_data(total=6)

        assert run(handler).custom_data == {"order": "o_1", "total": 6}
        assert isinstance(error_of(custom_data, a=object()), TypeError)

    def test_events_are_published_with_a_type_and_an_object(self) -> None:
        def handler(event: Any) -> None:
            emit("invoice.paid", {"invoice": {"id": "in_1"}})
            emit("order.line_1.shipped")

        assert run(handler).emitted == [
            ("invoice.paid", {"invoice": {"id": "in_1"}}),
            ("order.line_1.shipped", {}),
        ]

    @pytest.mark.parametrize(
        "name", ["", "invoice", "Invoice.paid", "a..b", ".a.b", "a.b.", "a.b\n", "a." + "b" * 127]
    )
    def test_other_names_of_events_are_refused(self, name: str) -> None:
        assert isinstance(error_of(emit, name), ValueError)
        assert isinstance(error_of(emit, "a.b", [1]), TypeError)


def test_outside_of_a_session_the_error_names_the_way_to_test() -> None:
    with pytest.raises(AetherFlowError, match=r"aetherflow\.testing"):
        http_outcome(200)


class TestTheResponse:
    def response(self, handler: Any) -> tuple[int, Any]:
        result: Result = run(handler, make_event())
        return result.response.status_code, result.response.json()

    @pytest.mark.parametrize("value", [0, "", [], {"a": 1}])
    def test_what_is_returned_is_the_answer_when_there_was_no_other(self, value: Any) -> None:
        assert self.response(lambda event: value) == (200, value)

    @pytest.mark.parametrize("value", [None, object(), {1, 2}, math.nan])
    def test_nothing_that_json_can_hold_is_acknowledged(self, value: Any) -> None:
        status, body = self.response(lambda event: value)
        assert (status, list(body)) == (200, ["message"])

    def test_a_mistake_is_a_500_unless_there_was_an_answer_before(self) -> None:
        def handler(event: Any) -> None:
            raise RuntimeError("secret")

        def later(event: Any) -> None:
            http_outcome(204)
            raise SystemExit(3)

        assert self.response(handler) == (500, {"code": "handler_failed"})
        assert run(later).response.status_code == 204
        assert isinstance(run(later).raised, SystemExit)
