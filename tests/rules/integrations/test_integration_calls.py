"""Where requests through an integration may lead, what they may carry, and when they are sent again."""

from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.integrations.calls import check_own_headers, check_query, path_below
from app.rules.integrations.retries import is_repeatable, may_help, pause_seconds
from app.rules.lifecycle import ResultClass

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("base", "path", "query", "whole"),
    [
        ("/", "", (), "/"),
        ("/v1", "", (), "/v1"),
        ("/v1/", "", (), "/v1/"),
        ("/v1", "orders", (), "/v1/orders"),
        ("/v1/", "/orders/", (), "/v1/orders/"),
        ("/", "a//b", (), "/a//b"),
        ("/", "a?x=1", (("y", "2 3"),), "/a?x=1&y=2+3"),
        ("/", "?x=[1]", (), "/?x=[1]"),
        ("/v1", "", (("key", "ä&"),), "/v1?key=%C3%A4%26"),
        ("/", "jörg smith", (), "/j%C3%B6rg%20smith"),
        ("/", "a%2Fb", (), "/a%2Fb"),
        ("/", "a#b", (), "/a%23b"),
        ("/", "x\r\ny: z", (), "/x%0D%0Ay:%20z"),
        ("/", "a:b@c", (), "/a:b@c"),
        ("/", "..a/b..", (), "/..a/b.."),
    ],
)
def test_a_path_goes_on_from_the_base_url(
    base: str, path: str, query: tuple[tuple[str, str], ...], whole: str
) -> None:
    assert path_below(base, path, query) == whole


@pytest.mark.parametrize(
    "path",
    [
        "https://elsewhere.example/",
        "HTTP:/x",
        "//elsewhere.example/",
        "..",
        "../up",
        "a/../b",
        "a/./b",
        "%2e%2E/up",
        ".%2e/up",
        "a\\..\\b",
        "x" * 8_001,
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        path_below("/v1", path)


@given(st.text(max_size=40), st.text(max_size=10))
def test_whatever_is_asked_for_stays_below_the_base_url_and_on_one_line(path: str, value: str) -> None:
    try:
        whole = path_below("/v1/base", path, (("q", value.encode("utf-8", "replace").decode()),))
    except (ValueError, UnicodeEncodeError):
        return
    assert whole.startswith("/v1/base")
    assert whole.isascii()
    assert whole.isprintable()
    assert " " not in whole
    assert not {".", ".."} & set(unquote(whole.partition("?")[0]).split("/"))


@pytest.mark.parametrize(("path", "query"), [("a?key=1", ()), ("a", (("key", "1"),)), ("a?%6Bey", ())])
def test_the_parameter_of_the_integration_is_its_own(path: str, query: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match="key"):
        check_query(path, query, reserved=(("key", "secret"),))


def test_other_parameters_may_be_set() -> None:
    check_query("a?keys=1", (("Key", "1"),), reserved=(("key", "secret"),))


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "X-AetherFlow-Hops",
        "authorization",
        "a b",
        "",
    ],
)
def test_headers_that_are_not_the_handler_s_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        check_own_headers([(name, "x")], reserved=(("Authorization", "Bearer t"),))


@pytest.mark.parametrize("value", ["a\r\nb", "a\0", "ä"])
def test_values_that_would_split_the_request_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        check_own_headers([("X-A", value)], reserved=())


def test_the_body_s_own_headers_and_repeated_ones_may_be_set() -> None:
    headers = [("Content-Type", "text/csv"), ("User-Agent", "own"), ("Accept", "a"), ("Accept", "b")]
    check_own_headers(headers, reserved=(("Authorization", "Bearer t"),))


@pytest.mark.parametrize(
    ("method", "headers", "repeatable"),
    [
        ("GET", [], True),
        ("PUT", [], True),
        ("DELETE", [], True),
        ("POST", [], False),
        ("PATCH", [], False),
        ("POST", [("idempotency-KEY", "k")], True),
    ],
)
def test_what_does_no_more_when_it_is_sent_twice(
    method: str, headers: list[tuple[str, str]], repeatable: bool
) -> None:
    assert is_repeatable(method, headers) is repeatable


@pytest.mark.parametrize(
    ("result", "status_code", "was_sent", "once", "repeatable"),
    [
        (ResultClass.CONNECT, None, False, True, True),
        (ResultClass.DNS, None, False, True, True),
        (ResultClass.TLS, None, False, True, True),
        (ResultClass.TIMEOUT, None, False, True, True),
        (ResultClass.BLOCKED, None, False, False, False),
        (ResultClass.TIMEOUT, None, True, False, True),
        (ResultClass.PROTOCOL, None, True, False, True),
        (ResultClass.TOO_MANY_REQUESTS, 429, True, True, True),
        (ResultClass.SERVER_ERROR, 503, True, True, True),
        (ResultClass.SERVER_ERROR, 500, True, False, True),
        (ResultClass.SERVER_ERROR, 502, True, False, True),
        (ResultClass.SERVER_ERROR, 504, True, False, True),
        (ResultClass.SERVER_ERROR, 501, True, False, False),
        (ResultClass.SUCCESS, 200, True, False, False),
        (ResultClass.REDIRECT, 302, True, False, False),
        (ResultClass.CLIENT_ERROR, 404, True, False, False),
        (ResultClass.CLIENT_ERROR, 401, True, False, False),
    ],
)
def test_another_try_may_help_or_do_harm(
    result: ResultClass, status_code: int | None, was_sent: bool, once: bool, repeatable: bool
) -> None:
    seen = [
        may_help(result, status_code=status_code, was_sent=was_sent, repeatable=each)
        for each in (False, True)
    ]
    assert seen == [once, repeatable]


@pytest.mark.parametrize(
    ("retries", "retry_after", "fraction", "pause"),
    [
        (0, None, 0.5, 0.25),
        (1, None, 0.5, 0.5),
        (2, None, 0.5, 1.0),
        (0, None, 0.0, 0.2),
        (0, None, 1.0, 0.3),
        (3, None, 0.5, None),
        (0, "2", 0.5, 2.0),
        (2, "0", 0.5, 1.0),
        (0, "30", 0.5, 30.0),
        (0, "31", 0.5, None),
        (0, "Sat, 31 Jan 2026 09:30:05 GMT", 0.5, 5.0),
        (0, "soon", 0.5, 0.25),
        (3, "1", 0.5, None),
    ],
)
def test_pauses_double_and_heed_what_the_service_asks_for(
    retries: int, retry_after: str | None, fraction: float, pause: float | None
) -> None:
    got = pause_seconds(retries, retry_after=retry_after, now=NOW, fraction=fraction)
    assert got == (None if pause is None else pytest.approx(pause))
