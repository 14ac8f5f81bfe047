"""The likely mistakes behind signatures that do not fit: each one made on purpose, and recognised."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from aetherflow.webhooks.testing import public_key, sign, signed_request
from hypothesis import given
from hypothesis import strategies as st

from app.cli.verification.signature_parts import Received
from app.cli.verification.signature_report import Explanation, explain

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
NOW = 1_700_000_000

DATA = {"name": "Größe", "lines": [1, 2.5, "x"]}


def arrive(*, secret: str = SECRET, timestamp: int = NOW) -> Received:
    """Return a genuine request as a receiver gets it."""
    request = signed_request("invoice.paid", DATA, secret, id="evt_1", timestamp=timestamp)
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    return Received([*headers, ("content-length", str(len(request.body)))], request.body)


def judge(received: Received, *, secret: str = SECRET) -> Explanation:
    return explain([secret], received, now=NOW, tolerance_seconds=300)


def with_body(change: Callable[[bytes], bytes]) -> Received:
    received = arrive()
    headers = [(name, value) for name, value in received.headers if name != "content-length"]
    return Received(headers, change(received.body))


def with_header(name: str, change: Callable[[str], str]) -> Received:
    received = arrive()
    headers = [(known, change(value) if known == name else value) for known, value in received.headers]
    return replace(received, headers=headers)


def without(*names: str) -> Received:
    received = arrive()
    return replace(received, headers=[pair for pair in received.headers if pair[0] not in names])


def rewrite(body: bytes, **options: object) -> bytes:
    return json.dumps(json.loads(body), **options).encode()  # type: ignore[arg-type]


def test_a_genuine_request_has_no_cause() -> None:
    explanation = judge(arrive())
    assert explanation.is_genuine
    assert explanation.cause is None
    assert {step.status for step in explanation.steps} == {"ok", "info"}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda body: body + b"\n", "line end that was not sent"),
        (lambda body: body + b"\r\n", "line end that was not sent"),
        (lambda body: b"\xef\xbb\xbf" + body, "byte order mark"),
        (lambda body: body.decode("latin-1").encode(), "another character set"),
        (rewrite, "parsed and written again"),
        (lambda body: rewrite(body, indent=2), "parsed and written again"),
        (lambda body: rewrite(body, ensure_ascii=False), "parsed and written again"),
        (lambda body: rewrite(body, sort_keys=True), "parsed and written again"),
        (lambda body: rewrite(body, sort_keys=True, separators=(",", ":")), "parsed and written again"),
        (lambda body: rewrite(json.dumps(json.loads(body)["data"]).encode()), "not the whole body"),
        (lambda body: body[:-10], "cut or changed"),
        (lambda body: body.replace(b"evt_1", b"evt_2"), "belong to different deliveries"),
    ],
    ids=[
        "LF at the end",
        "CRLF at the end",
        "byte order mark",
        "latin-1",
        "spaces",
        "indented",
        "spaces and UTF-8",
        "sorted",
        "sorted and compact",
        "data alone",
        "cut",
        "another event",
    ],
)
def test_a_changed_body_is_recognised(change: Callable[[bytes], bytes], cause: str) -> None:
    explanation = judge(with_body(change))
    assert not explanation.is_genuine
    assert explanation.cause is not None
    assert cause in explanation.cause.text


@pytest.mark.parametrize(
    ("received", "cause"),
    [
        (with_header("webhook-id", lambda _: "evt_2"), "belong to different deliveries"),
        (with_header("webhook-timestamp", lambda value: str(int(value) - 1)), "another attempt"),
        (with_header("webhook-timestamp", lambda value: f"{value}000"), "in milliseconds"),
        (with_header("webhook-signature", lambda value: value.removeprefix("v1,")), "lost its `v1,`"),
        (with_header("content-length", lambda _: "1"), None),
        (without("webhook-signature", "x-aetherflow-signature"), "not signed, or headers were dropped"),
        (without("webhook-signature"), "Only the body is signed"),
    ],
    ids=["other id", "other time", "milliseconds", "no version", "other length", "none", "body only"],
)
def test_changed_headers_are_recognised(received: Received, cause: str | None) -> None:
    explanation = judge(received)
    assert explanation.is_genuine == (cause is None)
    if cause is not None:
        assert explanation.cause is not None
        assert cause in explanation.cause.text


def test_the_keys_of_the_two_schemes_mixed_up_are_recognised() -> None:
    # A sender who takes the whole string for the key of v1 signs as if it were the key of another secret.
    swapped = "whsec_" + base64.b64encode(SECRET.encode()).decode()
    received = arrive(secret=swapped)
    explanation = judge(replace(received, headers=[h for h in received.headers if "aetherflow" not in h[0]]))
    assert explanation.cause is not None
    assert "mixed up" in explanation.cause.text


def test_a_wrong_secret_is_the_guess_when_the_body_looks_untouched() -> None:
    explanation = judge(arrive(), secret=OTHER)
    assert explanation.cause is not None
    assert "wrong secret" in explanation.cause.text


def test_a_body_of_another_length_than_was_declared_is_recognised() -> None:
    received = arrive()
    changed = replace(received, body=received.body.replace(b"invoice", b"voice"))
    explanation = judge(changed)
    assert explanation.cause is not None
    assert "content-length" in explanation.cause.text


@pytest.mark.parametrize(("age", "reason"), [(301, "timestamp_too_old"), (-301, "timestamp_too_new")])
def test_a_right_signature_of_another_time_is_told_apart_from_a_wrong_one(age: int, reason: str) -> None:
    explanation = judge(arrive(timestamp=NOW - age))
    assert explanation.reason == reason
    assert explanation.cause is not None
    assert "The signature fits" in explanation.cause.text
    both = judge(arrive(timestamp=NOW - age), secret=OTHER)
    assert both.cause is not None
    assert "wrong secret" in both.cause.text


def test_a_public_key_needs_its_own_kind_of_signature_and_a_secret_the_other() -> None:
    public = public_key(PRIVATE)
    only_public = judge(arrive(), secret=public)
    assert only_public.cause is not None
    assert "public key" in only_public.cause.text
    body = arrive().body
    headers = list(sign(body, PRIVATE, id="evt_1", timestamp=NOW).items())
    assert judge(Received(headers, body), secret=public).is_genuine
    only_shared = judge(Received(headers, body))
    assert only_shared.cause is not None
    assert "only v1a" in only_shared.cause.text


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "webhook-id",
                    "webhook-timestamp",
                    "webhook-signature",
                    "x-aetherflow-signature",
                    "content-length",
                ]
            ),
            st.text(st.characters(max_codepoint=0xFF), max_size=40)
            | st.sampled_from(["evt_1", str(NOW), "v1,x", "9" * 5000]),
        ),
        max_size=7,
    ),
    body=st.binary(max_size=60) | st.just(arrive().body),
)
def test_whatever_arrives_there_is_a_verdict_and_a_cause(headers: list[tuple[str, str]], body: bytes) -> None:
    explanation = judge(Received(headers, body))
    assert explanation.is_genuine == (explanation.cause is None)
    assert SECRET not in repr(explanation)
