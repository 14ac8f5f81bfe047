"""The requests with which providers try out a URL: answered when genuine, and safe to answer."""

import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers import PROVIDERS, Answer, SignedRequest, find_provider
from tests.providers.genuine import (
    NOW,
    SENDERS,
    base64_text,
    digest,
    genuine,
    notifications,
    request,
    with_header,
)

SECONDS = int(NOW.timestamp())

ATTACKS = [
    "<script>alert(1)</script>",
    "a\r\nSet-Cookie: a=b",
    "a\nb",
    "a\x00b",
    "\x1b[2J",
    "é",
    "\u2028",
    "\ud800",
    "",
    "a" * 1025,
]


def shake(provider: str, received: SignedRequest, secret: str | None) -> Answer | None:
    return find_provider(provider).handshake(received, secret=secret, now=NOW)


def signed(provider: str, content: object) -> SignedRequest:
    return genuine(SENDERS[provider], body=json.dumps(content).encode())


def assert_harmless(answer: Answer) -> None:
    headers = dict(answer.headers)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["Content-Type"] in ("text/plain; charset=utf-8", "application/json")
    assert len(answer.body) <= 1024
    assert b"<" not in answer.body


def slack(challenge: object) -> SignedRequest:
    return signed("slack", {"type": "url_verification", "token": "t", "challenge": challenge})


def zoom(token: object) -> SignedRequest:
    return signed("zoom", {"event": "endpoint.url_validation", "payload": {"plainToken": token}})


def meta(challenge: str, *, token: str = "token", mode: str = "subscribe") -> SignedRequest:
    query = {"hub.mode": mode, "hub.verify_token": token, "hub.challenge": challenge}
    return request({}, method="GET", query=query)


def graph(token: str) -> SignedRequest:
    return request({}, query={"validationToken": token})


def x(token: str) -> SignedRequest:
    return request({}, method="GET", query={"crc_token": token, "nonce": "n"})


def text(answer: Answer | None) -> str:
    assert answer is not None
    assert answer.status == 200
    assert dict(answer.headers)["Content-Type"] == "text/plain; charset=utf-8"
    assert_harmless(answer)
    return answer.body.decode()


def content(answer: Answer | None) -> Mapping[str, object]:
    assert answer is not None
    assert answer.status == 200
    assert dict(answer.headers)["Content-Type"] == "application/json"
    assert_harmless(answer)
    parsed: Mapping[str, object] = json.loads(answer.body)
    return parsed


def test_slack_gets_its_challenge_back() -> None:
    challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    assert text(shake("slack", slack(challenge), "first")) == challenge


def test_slack_gets_nothing_back_without_its_signature() -> None:
    assert shake("slack", slack("c"), "other") is None
    assert shake("slack", slack("c"), None) is None
    assert shake("slack", with_header(slack("c"), "X-Slack-Signature", None), "first") is None
    old = genuine(SENDERS["slack"], moment=SECONDS - 301, body=slack("c").body)
    assert shake("slack", old, "first") is None


@pytest.mark.parametrize(
    "event",
    [
        {"type": "event_callback", "challenge": "c"},
        {"challenge": "c"},
        {"type": ["url_verification"], "challenge": "c"},
        ["url_verification"],
        {"type": "url_verification"},
        {"type": "url_verification", "challenge": 17},
        {"type": "url_verification", "challenge": {"a": "b"}},
        {"type": "url_verification", "challenge": "c", "more": "m" * 17_000},
    ],
)
def test_what_slack_sends_otherwise_is_no_handshake(event: object) -> None:
    assert shake("slack", signed("slack", event), "first") is None


def test_meta_gets_its_challenge_back_for_the_verify_token() -> None:
    assert text(shake("meta", meta("1158201444"), "abc123:token")) == "1158201444"
    assert text(shake("meta", meta("1158201444"), "token")) == "1158201444"


@pytest.mark.parametrize(
    ("received", "secret"),
    [
        (meta("1", token="other"), "abc123:token"),
        (meta("1", token="abc123"), "abc123:token"),
        (meta("1", token="abc123:token"), "abc123:token"),
        (meta("1", token=""), "abc123:"),
        (meta("1", token=""), ""),
        (meta("1", token=""), None),
        (meta("1", mode="unsubscribe"), "token"),
        (meta("1", token="tokén"), "token"),
        (request({}, method="GET", query={"hub.mode": "subscribe", "hub.challenge": "1"}), "token"),
        (request({}, method="GET", query={"hub.mode": "subscribe", "hub.verify_token": "token"}), "token"),
        (request({}, method="POST", query=meta("1").query), "token"),
    ],
)
def test_meta_gets_nothing_back_for_anything_else(received: SignedRequest, secret: str | None) -> None:
    assert shake("meta", received, secret) is None


@pytest.mark.parametrize("secret", ["word", None])
def test_microsoft_graph_gets_its_token_back_decoded(secret: str | None) -> None:
    token = "Validation: Testing client application reachability for subscription Request-Id: 522a8e7e-096a"
    assert text(shake("microsoft_graph", graph(token), secret)) == token


def test_a_notification_is_never_taken_for_the_validation_of_its_url() -> None:
    received = request({}, notifications("first"), query={"validationToken": "t"})
    assert shake("microsoft_graph", received, "first") is None
    assert shake("microsoft_graph", request({}, query={}), "first") is None
    assert (
        shake("microsoft_graph", request({}, method="GET", query={"validationToken": "t"}), "first") is None
    )


def test_zoom_gets_its_token_signed() -> None:
    answered = content(shake("zoom", zoom("qgg8vlvZRS6UYooatFL8Aw"), "first"))
    expected = digest("first", b"qgg8vlvZRS6UYooatFL8Aw").hex()
    assert answered == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": expected}


def test_zoom_gets_nothing_signed_without_its_own_signature() -> None:
    unsigned = request({}, zoom("token").body)
    assert shake("zoom", unsigned, "first") is None
    assert shake("zoom", zoom("token"), "other") is None
    assert shake("zoom", zoom("token"), None) is None


@pytest.mark.parametrize("token", [f"v0:{SECONDS}:{{}}", "a:b", "{}", "", "a" * 257, 17, None, ["a"], "a\n"])
def test_zoom_cannot_be_made_to_have_an_event_signed(token: object) -> None:
    assert shake("zoom", zoom(token), "first") is None


@pytest.mark.parametrize(
    "event",
    [
        {"event": "meeting.started", "payload": {"plainToken": "t"}},
        {"event": "endpoint.url_validation"},
        {"event": "endpoint.url_validation", "payload": "plainToken"},
        {"event": "endpoint.url_validation", "payload": {}},
    ],
)
def test_what_zoom_sends_otherwise_is_no_handshake(event: object) -> None:
    assert shake("zoom", signed("zoom", event), "first") is None


def test_discord_gets_a_pong() -> None:
    secret = SENDERS["discord"].secret
    assert content(shake("discord", signed("discord", {"type": 1, "token": "t"}), secret)) == {"type": 1}


def test_discord_gets_an_empty_answer_for_the_ping_of_webhook_events() -> None:
    answer = shake("discord", signed("discord", {"version": 1, "type": 0}), SENDERS["discord"].secret)
    assert answer is not None
    assert (answer.status, answer.body) == (204, b"")
    assert_harmless(answer)


@pytest.mark.parametrize(
    "event",
    [
        {"type": 2},
        {"type": True},
        {"type": False},
        {"type": "1"},
        {"type": 1.0},
        {"version": 1, "type": 1, "event": {"type": "ENTITLEMENT_CREATE"}},
        [1],
    ],
)
def test_what_discord_sends_otherwise_is_no_handshake(event: object) -> None:
    assert shake("discord", signed("discord", event), SENDERS["discord"].secret) is None


def test_discord_gets_no_pong_without_its_signature() -> None:
    ping = signed("discord", {"type": 1})
    assert shake("discord", request({}, ping.body), SENDERS["discord"].secret) is None
    assert shake("discord", ping, SENDERS["discord"].other_secret) is None
    assert shake("discord", ping, None) is None


def test_x_gets_its_token_signed() -> None:
    expected = f"sha256={base64_text(digest('first', b'challenge_string'))}"
    assert content(shake("x", x("challenge_string"), "first")) == {"response_token": expected}


@pytest.mark.parametrize("secret", ["", None])
def test_x_gets_nothing_signed_without_a_secret(secret: str | None) -> None:
    assert shake("x", x("token"), secret) is None


@pytest.mark.parametrize(
    "token", ['{"tweet_create_events":[]}', "{}", "[]", '"a"', "a b", "", "a" * 257, "a\n"]
)
def test_x_cannot_be_made_to_have_an_event_signed(token: str) -> None:
    assert shake("x", x(token), "first") is None


def test_x_tries_out_a_url_with_get_only() -> None:
    assert shake("x", request({}, b"{}", query={"crc_token": "token"}), "first") is None


REFLECTIONS: list[tuple[str, Callable[[str], SignedRequest], str]] = [
    ("slack", slack, "first"),
    ("meta", meta, "abc123:token"),
    ("microsoft_graph", graph, "word"),
    ("zoom", zoom, "first"),
    ("x", x, "first"),
]
every_reflection = pytest.mark.parametrize(
    ("provider", "ask", "secret"), REFLECTIONS, ids=[provider for provider, _, _ in REFLECTIONS]
)


@every_reflection
@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_nothing_is_sent_back_that_a_browser_or_a_parser_could_take_for_more(
    provider: str, ask: Callable[[str], SignedRequest], secret: str, attack: str
) -> None:
    assert shake(provider, ask(attack), secret) is None


@every_reflection
@given(token=st.text(max_size=300))
def test_whatever_is_sent_back_is_harmless(
    provider: str, ask: Callable[[str], SignedRequest], secret: str, token: str
) -> None:
    answer = shake(provider, ask(token), secret)
    if answer is not None:
        assert_harmless(answer)
        # What the headers say never depends on what is sent back.
        harmless = shake(provider, ask("token"), secret)
        assert harmless is not None
        assert answer.headers == harmless.headers


def test_a_provider_without_set_up_requests_answers_none() -> None:
    without = {provider.name for provider in PROVIDERS} - {name for name, _, _ in REFLECTIONS} - {"discord"}
    assert without == {"github", "stripe", "shopify", "standard", "hmac", "aetherflow"}
    for name in without:
        for received in (slack("c"), meta("1"), graph("t"), zoom("t"), x("t"), request({}, b'{"type":1}')):
            assert shake(name, received, "first") is None
