"""Waiting for requests, signals and time, with nothing given that takes any."""

import math
import os
import time
from datetime import timedelta
from typing import Any

import pytest
from aetherflow import (
    AetherFlowError,
    SessionStopped,
    Signal,
    activity,
    get_webhook_url,
    next_event,
    next_signal,
    signal,
    sleep,
    start,
    step,
    subscribe,
    unsubscribe,
)
from aetherflow.testing import make_event, run


def error_of(function: Any, *args: Any, **kwargs: Any) -> BaseException:
    error = run(lambda event: function(*args, **kwargs)).raised
    assert error is not None
    return error


class TestEvents:
    def test_they_come_in_order_and_then_the_time_is_over(self) -> None:
        def handler(event: Any) -> list[Any]:
            subscription = subscribe("second", "data.method == 'POST'")
            found = [next_event(subscription, timeout=timedelta(minutes=1)) for _ in range(3)]
            return [each and each.body.text for each in found]

        events = [make_event(body="1"), make_event(body="2")]
        result = run(handler, triggers={"second": events})
        assert result.returned == ["1", "2", None]
        assert result.waited_seconds == 60

    def test_what_comes_back_is_as_it_was_sent(self) -> None:
        sent = make_event(
            method="PUT",
            path="a/b",
            query="x=1&x=2",
            headers={"X-A": "1"},
            json={"n": [{"m": 1}]},
            event_id="req_9",
        )

        def handler(event: Any) -> None:
            found = next_event(subscribe("second"), full=True)
            assert found is not None
            assert found.data == sent.data
            assert found.body.json.n[0].m == found.data.body.json.n[0].m == 1
            assert (found.event_type, found.event_id, found.session_id) == ("put", "req_9", "ses_test")
            assert found.headers.get("x-a") == "1"

        assert run(handler, triggers={"second": [sent]}).raised is None

    def test_of_several_subscriptions_the_first_named_is_looked_at_first(self) -> None:
        def handler(event: Any) -> list[Any]:
            a, b = subscribe("a"), subscribe("b")
            found = [next_event([b, a], timeout=0) for _ in range(4)]
            return [each and each.body.text for each in found]

        given = {"a": [make_event(body="a1"), make_event(body="a2")], "b": [make_event(body="b1")]}
        assert run(handler, triggers=given).returned == ["b1", "a1", "a2", None]

    def test_each_subscription_sees_every_request(self) -> None:
        def handler(event: Any) -> list[Any]:
            one, other = subscribe("a"), subscribe("a")
            found = [next_event(one), next_event(other)]
            unsubscribe(one)
            return [each and each.body.text for each in found]

        assert run(handler, triggers={"a": [make_event(body="x")]}).returned == ["x", "x"]

    def test_a_wait_that_never_ends_stops_the_session(self) -> None:
        result = run(lambda event: next_event(subscribe("a")), triggers={"a": []})
        assert isinstance(result.raised, SessionStopped)
        assert result.response.status_code == 503

    def test_stopping_is_no_exception_that_a_handler_swallows(self) -> None:
        def handler(event: Any) -> str:
            try:
                next_signal("never")
            except Exception:
                return "swallowed"
            return "signalled"

        assert isinstance(run(handler).raised, SessionStopped)

    def test_an_unknown_trigger_or_subscription_is_not_found(self) -> None:
        for error in (
            error_of(subscribe, "nobody"),
            error_of(unsubscribe, "sub_9"),
            error_of(next_event, "sub_9"),
        ):
            assert isinstance(error, AetherFlowError)
            assert "not found" in str(error)

    @pytest.mark.parametrize(
        ("call", "kind"),
        [
            (lambda: subscribe(""), ValueError),
            (lambda: subscribe(5), TypeError),  # type: ignore[arg-type]
            (lambda: subscribe("a", None), TypeError),  # type: ignore[arg-type]
            (lambda: unsubscribe(""), ValueError),
            (lambda: next_event([]), ValueError),
            (lambda: next_event(""), ValueError),
            (lambda: next_event({"a"}), TypeError),  # type: ignore[arg-type]
            (lambda: next_event([5]), TypeError),  # type: ignore[list-item]
            (lambda: next_event("s", timeout=-1), ValueError),
            (lambda: next_event("s", timeout=math.inf), ValueError),
            (lambda: next_event("s", timeout=math.nan), ValueError),
            (lambda: next_event("s", timeout=timedelta(seconds=-1)), ValueError),
            (lambda: next_event("s", timeout="1"), TypeError),  # type: ignore[arg-type]
            (lambda: next_event("s", timeout=True), TypeError),
            (lambda: sleep(-1), ValueError),
            (lambda: sleep(None), TypeError),  # type: ignore[arg-type]
            (lambda: next_signal([], 1), ValueError),
            (lambda: signal("", "a"), ValueError),
            (lambda: signal("ses_1", ""), ValueError),
            (lambda: signal("ses_1", "a", object()), TypeError),
            (lambda: start(""), ValueError),
            (lambda: start("a.py:f", [1]), TypeError),  # type: ignore[arg-type]
            (lambda: start("a.py:f", {"a": object()}), TypeError),
            (lambda: start("a.py:f", memo="m"), TypeError),  # type: ignore[arg-type]
            (lambda: start("a.py:f", project=None), TypeError),  # type: ignore[arg-type]
        ],
    )
    def test_wrong_arguments_raise_in_the_handler(self, call: Any, kind: type[Exception]) -> None:
        assert type(error_of(call)) is kind


class TestTime:
    def test_no_time_passes(self) -> None:
        def handler(event: Any) -> None:
            sleep(3600)
            sleep(timedelta(days=1))

        before = time.monotonic()
        assert run(handler).waited_seconds == 3600 + 86400
        assert time.monotonic() - before < 3600


class TestSignals:
    def test_they_queue_and_each_is_taken_once(self) -> None:
        def handler(event: Any) -> list[Any]:
            return [
                next_signal("b"),
                next_signal(["a", "b"]),
                next_signal("a", 5),
                next_signal("a", timeout=0),
            ]

        given = [("a", 1), Signal("b", {"x": [{"y": 2}]}), ("a", 3)]
        result = run(handler, signals=given)
        assert result.returned == [("b", {"x": [{"y": 2}]}), ("a", 1), ("a", 3), None]
        assert result.returned[0].name == "b"
        assert result.returned[0].payload.x[0].y == 2

    def test_another_session_is_started_and_its_end_is_a_signal(self) -> None:
        def handler(event: Any) -> Any:
            child = start("orders.py:ship", {"order": "o_1"}, memo={"why": "paid"}, project="shop")
            signal(child, "hurry", [1])
            ended = next_signal(child)
            assert ended is not None
            return ended.payload.value

        result = run(handler, signals=[("ses_1", {"completed": True, "value": 7})])
        assert result.returned == 7
        assert result.started == [
            {"call": "orders.py:ship", "data": {"order": "o_1"}, "memo": {"why": "paid"}, "project": "shop"}
        ]
        assert result.signalled == [("ses_1", "hurry", [1])]


class TestInsideARecordedUnit:
    @pytest.mark.parametrize("decorate", [step, step("named"), activity])
    @pytest.mark.parametrize(
        "wait", [lambda: sleep(1), lambda: next_signal("a", 1), lambda: next_event(subscribe("a"), timeout=0)]
    )
    def test_nothing_waits_in_a_durable_session(self, decorate: Any, wait: Any) -> None:
        inner = decorate(lambda: wait())
        error = run(lambda event: inner(), triggers={"a": []}, is_durable=True).raised
        assert isinstance(error, AetherFlowError)
        assert "wait before or after it" in str(error)
        assert run(lambda event: inner(), triggers={"a": []}).raised is None

    def test_a_block_is_no_unit_so_it_may_wait(self) -> None:
        def handler(event: Any) -> None:
            with step("block"):
                sleep(1)

        assert run(handler, is_durable=True).raised is None


class TestWebhookUrls:
    def test_they_come_from_the_environment(self) -> None:
        given = {"second__webhook_url": "https://example.com/webhooks/x"}
        assert (
            run(lambda event: get_webhook_url("second"), env=given).returned == given["second__webhook_url"]
        )
        assert "second__webhook_url" not in os.environ

    def test_a_test_has_one_for_each_trigger_that_it_names(self) -> None:
        result = run(lambda event: get_webhook_url("second"), triggers={"second": []})
        assert result.returned == "http://localhost/webhooks/second"

    def test_an_unknown_trigger_has_none(self) -> None:
        error = error_of(get_webhook_url, "nobody")
        assert isinstance(error, ValueError)
        assert "nobody" in str(error)
