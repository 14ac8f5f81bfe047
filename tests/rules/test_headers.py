"""Custom headers of endpoints."""

import pytest

from app.errors import Problem
from app.rules.headers import check_headers, mask_headers


def paths(headers: dict[str, str]) -> list[str]:
    return [problem.path for problem in check_headers(headers)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer abc"),
        ("X-Api-Key", ""),
        ("x", "a\tb c"),
        ("!#$%&'*+-.^_`|~0aZ", "~"),
        ("a" * 128, "v" * 4096),
        ("Contents", "not content-*"),
        ("X-Forwarded", "not x-forwarded-*"),
        ("Webhooks-Id", "not webhook-*"),
        ("Accept", "*/*"),
    ],
)
def test_an_ordinary_header_is_accepted(name: str, value: str) -> None:
    assert check_headers({name: value}) == []


@pytest.mark.parametrize(
    "name",
    [
        "host",
        "Host",
        "Content-Type",
        "content-length",
        "Content-Encoding",
        "connection",
        "Transfer-Encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "Keep-Alive",
        "proxy-authorization",
        "Proxy-Connection",
        "User-Agent",
        "accept-encoding",
        "webhook-id",
        "Webhook-Signature",
        "X-AetherFlow-Signature",
        "x-aetherflow-anything",
        "Forwarded",
        "X-Forwarded-For",
    ],
)
def test_a_header_that_frames_routes_or_signs_is_reserved(name: str) -> None:
    assert paths({name: "x"}) == [f"/headers/{name}"]


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ü", "a\x00", "(a)", "a" * 129, "a\n"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    assert paths({name: "x"}) == [f"/headers/{name}"]


@pytest.mark.parametrize(
    "value", ["a\r\nX-Injected: b", "a\n", "\r", "a\x00", "\x7f", "ü", "\u2028", "v" * 4097]
)
def test_a_value_that_could_split_a_request_or_be_read_otherwise_is_refused(value: str) -> None:
    assert paths({"X-Name": value}) == ["/headers/X-Name"]


def test_no_message_repeats_a_value() -> None:
    assert "hunter2" not in repr(check_headers({"Authorization": "hunter2\n", "Host": "hunter2"}))


def test_a_path_is_an_escaped_json_pointer() -> None:
    assert paths({"a/b~c": "x"}) == ["/headers/a~1b~0c"]


def test_twenty_headers_are_accepted_and_twenty_one_are_not() -> None:
    headers = {f"X-{number}": "x" for number in range(20)}
    assert check_headers(headers) == []
    assert check_headers(headers | {"X-20": "x"}) == [Problem("/headers", "At most 20 headers, not 21.")]


def test_the_same_name_in_another_case_is_refused() -> None:
    assert paths({"X-Name": "a", "x-name": "b", "X-NAME": "c"}) == ["/headers/x-name", "/headers/X-NAME"]


def test_everything_wrong_with_a_header_is_told_at_once() -> None:
    assert paths({"Host": "\n", "a b": "ok", "fine": "ok"}) == [
        "/headers/Host",
        "/headers/Host",
        "/headers/a b",
    ]


@pytest.mark.parametrize(
    "name", ["Authorization", "cookie", "X-Auth-Token", "x-api-key", "Apikey", "X-SECRET-Thing", "tokens"]
)
def test_values_behind_telling_names_are_masked(name: str) -> None:
    assert mask_headers({name: "hunter2"}) == {name: "****"}


def test_other_values_are_shown() -> None:
    headers = {"X-Tenant": "blue", "Accept": "*/*", "Set-Cookies": "x"}
    assert mask_headers(headers) == headers
