"""What each kind of integration takes, and the service that it makes."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.rules.integrations.kinds import KINDS, connect
from app.rules.integrations.services import HttpService, MailServer

URL = "https://api.example.com/v1"
SECRET = "do-not-show-me"


@pytest.mark.parametrize(
    ("auth", "credentials", "headers", "query"),
    [
        ({}, {}, (), ()),
        ({"type": "none"}, {}, (), ()),
        ({"type": "bearer"}, {"token": "t"}, (("Authorization", "Bearer t"),), ()),
        (
            {"type": "basic"},
            {"username": "Aladdin", "password": "open sesame"},
            # The example of RFC 7617 section 2.
            (("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),),
            (),
        ),
        (
            {"type": "basic"},
            {"username": "test", "password": "123£"},
            # Section 2.1.
            (("Authorization", "Basic dGVzdDoxMjPCow=="),),
            (),
        ),
        ({"type": "header", "name": "X-Key"}, {"value": "v"}, (("X-Key", "v"),), ()),
        ({"type": "query", "name": "key"}, {"value": "v"}, (), (("key", "v"),)),
    ],
)
def test_http_shows_its_credentials_in_five_ways(
    auth: Any, credentials: Any, headers: Any, query: Any
) -> None:
    made = connect("http", {"base_url": URL, "auth": auth}, credentials)
    assert isinstance(made, HttpService)
    assert (made.base_url, made.headers, made.query) == (URL, headers, query)


def test_a_check_asks_for_the_base_url_unless_told_otherwise() -> None:
    plain = connect("http", {"base_url": URL}, {})
    told = connect("http", {"base_url": URL, "check_path": "/health?deep=1"}, {})
    assert isinstance(plain, HttpService)
    assert isinstance(told, HttpService)
    assert (plain.check_method, plain.check_path, told.check_path) == ("GET", "", "/health?deep=1")


def test_slack_asks_whose_its_token_is() -> None:
    made = connect("slack", {}, {"token": "xoxb-1"})
    assert isinstance(made, HttpService)
    assert (made.base_url, made.check_method, made.check_path) == (
        "https://slack.com/api/",
        "POST",
        "auth.test",
    )
    assert made.headers == (("Authorization", "Bearer xoxb-1"),)


@pytest.mark.parametrize(
    ("config", "port", "encryption"),
    [
        ({}, 587, "starttls"),
        ({"port": 465}, 465, "implicit"),
        ({"port": 465, "tls": True}, 465, "implicit"),
        ({"port": 25, "tls": True}, 25, "starttls"),
        ({"port": 465, "tls": "starttls"}, 465, "starttls"),
        ({"port": 2525, "tls": "implicit"}, 2525, "implicit"),
        ({"port": 25, "tls": False}, 25, "none"),
    ],
)
def test_smtp_is_encrypted_unless_told_otherwise(config: Any, port: int, encryption: str) -> None:
    made = connect("smtp", {"host": "mail.example.com", **config}, {"username": "a", "password": "b"})
    assert made == MailServer("mail.example.com", port, encryption, "a", "b")  # type: ignore[arg-type]


def test_an_smtp_server_may_need_no_account() -> None:
    made = connect("smtp", {"host": "mail.example.com"}, {})
    assert isinstance(made, MailServer)
    assert made.username is None


@pytest.mark.parametrize(
    ("kind", "config", "credentials"),
    [
        ("http", {"base_url": URL, "auth": {"type": "digest"}}, {}),
        ("http", {"base_url": URL, "auth": {"type": "header", "name": "Host"}}, {"value": "v"}),
        ("http", {"base_url": URL, "auth": {"type": "header", "name": "a b"}}, {"value": "v"}),
        ("http", {"base_url": URL, "auth": {"type": "query", "name": ""}}, {"value": "v"}),
        ("http", {"base_url": URL, "auth": {"type": "bearer"}}, {"token": ""}),
        ("http", {"base_url": URL, "auth": {"type": "bearer"}}, {"token": " t"}),
        ("http", {"base_url": URL, "auth": {"type": "bearer"}}, {"token": "t\r\nX: y"}),
        ("http", {"base_url": URL, "auth": {"type": "bearer"}}, {"token": "ü"}),
        ("http", {"base_url": URL, "auth": {"type": "bearer"}}, {"token": "t" * 4097}),
        ("http", {"base_url": URL, "auth": {"type": "basic"}}, {"username": "a", "password": "\0"}),
        ("http", {"base_url": URL, "check_path": "https://elsewhere.example/"}, {}),
        ("smtp", {"host": ""}, {}),
        ("smtp", {"host": "mail.example.com", "port": "25"}, {}),
        ("smtp", {"host": "mail.example.com", "tls": "yes"}, {}),
        ("smtp", {"host": "mail.example.com"}, {"username": "a"}),
        ("smtp", {"host": "mail.example.com"}, {"username": "ü", "password": "b"}),
        ("slack", {"team": "x"}, {"token": "t"}),
        ("slack", {}, {"token": "t", "value": "v"}),
    ],
)
def test_what_does_not_fit_is_refused(kind: str, config: Any, credentials: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        connect(kind, config, credentials)
    assert "input_value" not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "config", "credentials"),
    [
        ("http", {"base_url": URL, "auth": {"type": "bearer"}}, {"token": SECRET}),
        ("http", {"base_url": URL, "auth": {"type": "query", "name": "k"}}, {"value": SECRET}),
        ("slack", {}, {"token": SECRET}),
        ("smtp", {"host": "mail.example.com"}, {"username": "a", "password": SECRET}),
    ],
)
def test_no_service_shows_its_credentials(kind: str, config: Any, credentials: Any) -> None:
    assert SECRET not in repr(connect(kind, config, credentials))


def test_every_kind_says_what_it_takes() -> None:
    assert set(KINDS) == {"http", "slack", "smtp"}
