from aetherflow.testing import make_event, run
from program import checkout, quoted

ORDER = make_event(json={"order": "A-1"})


def test_the_answer_holds_what_the_second_webhook_brought() -> None:
    confirmation = make_event(json={"order": "A-1", "reference": "R-9"})
    result = run(checkout, ORDER, triggers={"confirmed": [confirmation]})
    assert result.response.json() == {"order": "A-1", "reference": "R-9"}


def test_the_caller_is_told_when_nothing_came_in_time() -> None:
    result = run(checkout, ORDER, triggers={"confirmed": []})
    assert result.response.status_code == 504
    assert result.waited_seconds == 30


def test_a_request_without_an_order_is_refused() -> None:
    assert run(checkout, make_event(json={})).response.status_code == 400


def test_a_quotation_mark_does_not_end_a_literal() -> None:
    assert quoted('a" || true || "') == r'"a\" || true || \""'
