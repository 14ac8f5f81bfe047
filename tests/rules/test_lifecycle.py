"""What results are called, and what they lead to."""

import pytest

from app.rules.lifecycle import DeliveryStatus, Outcome, ResultClass, classify_status, judge


def test_the_words_of_the_api_are_fixed() -> None:
    assert [str(status) for status in DeliveryStatus] == ["pending", "succeeded", "failed", "cancelled"]
    assert " ".join(ResultClass) == "2xx 3xx 4xx 429 5xx timeout dns connect tls blocked protocol"


@pytest.mark.parametrize(
    ("status_code", "expected"),
    [
        (0, "protocol"),
        (100, "protocol"),
        (101, "protocol"),
        (199, "protocol"),
        (200, "2xx"),
        (204, "2xx"),
        (299, "2xx"),
        (300, "3xx"),
        (399, "3xx"),
        (400, "4xx"),
        (410, "4xx"),
        (428, "4xx"),
        (429, "429"),
        (430, "4xx"),
        (499, "4xx"),
        (500, "5xx"),
        (503, "5xx"),
        (599, "5xx"),
        (600, "protocol"),
        (999, "protocol"),
    ],
)
def test_a_final_status_has_a_class(status_code: int, expected: str) -> None:
    assert classify_status(status_code) == expected


@pytest.mark.parametrize("abort", [True, False])
@pytest.mark.parametrize("status_code", [200, 204, 299])
def test_a_success_is_the_end(status_code: int, abort: bool) -> None:
    assert judge(ResultClass.SUCCESS, status_code=status_code, abort=abort) is Outcome.SUCCEEDED


@pytest.mark.parametrize("abort", [True, False])
def test_gone_ends_the_delivery_and_the_endpoint(abort: bool) -> None:
    assert judge(ResultClass.CLIENT_ERROR, status_code=410, abort=abort) is Outcome.FAILED_AND_GONE


@pytest.mark.parametrize("result", [each for each in ResultClass if each is not ResultClass.SUCCESS])
def test_every_other_failure_is_retried_unless_the_receiver_asks_to_stop(result: ResultClass) -> None:
    assert judge(result, status_code=None, abort=False) is Outcome.RETRY
    assert judge(result, status_code=None, abort=True) is Outcome.FAILED
