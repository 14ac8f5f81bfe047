"""What the shared vectors cannot say about the Python client: its types, its inputs, its promises."""

import base64
import copy
import hashlib
import hmac
import http.client
import io
import json
import pickle
import time
from typing import Any, get_args

import pytest
from aetherflow.webhooks import Reason, Webhook, WebhookVerificationError, verify_signature
from aetherflow.webhooks.testing import public_key, sign
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers as StarletteHeaders
from werkzeug.datastructures import Headers as WerkzeugHeaders

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
PRIVATE_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
BODY = b'{"event":"invoice.paid","id":"evt_1","timestamp":"2026-01-01T00:00:00.000Z","data":{}}'
NOW = 1767225600
SIGNED = sign(BODY, SECRET, id="evt_1", timestamp=NOW)
# The headers of Standard Webhooks alone.
STANDARD = {name: value for name, value in SIGNED.items() if name.startswith("webhook-")}
BODY_ONLY = {"X-AetherFlow-Signature": SIGNED["X-AetherFlow-Signature"]}
READ_HEADERS = [*STANDARD, *BODY_ONLY, "X-AetherFlow-Signature-2"]


def reason_of(headers: Any, *, body: bytes = BODY, secret: str = SECRET, **options: Any) -> str | None:
    try:
        Webhook(secret).verify(body, headers, **{"now": NOW, **options})
    except WebhookVerificationError as refusal:
        return refusal.reason
    return None


def test_verify_returns_the_parsed_body() -> None:
    assert Webhook(SECRET).verify(BODY, STANDARD, now=NOW) == json.loads(BODY)


def test_verify_uses_the_clock_unless_told_the_time() -> None:
    fresh = sign(BODY, SECRET, id="evt_1", timestamp=int(time.time()))
    assert Webhook(SECRET).verify(BODY, fresh)["id"] == "evt_1"
    with pytest.raises(WebhookVerificationError, match="timestamp_too_old"):
        Webhook(SECRET).verify(BODY, STANDARD)


@pytest.mark.parametrize("body", [bytearray(BODY), memoryview(BODY)], ids=["bytearray", "memoryview"])
def test_a_body_may_be_any_kind_of_bytes(body: Any) -> None:
    assert Webhook(SECRET).verify(body, STANDARD, now=NOW)["id"] == "evt_1"


@pytest.mark.parametrize("body", [BODY.decode(), json.loads(BODY), None], ids=["text", "parsed", "none"])
def test_a_body_that_is_not_bytes_is_a_type_error(body: Any) -> None:
    with pytest.raises(TypeError, match="raw bytes"):
        Webhook(SECRET).verify(body, STANDARD, now=NOW)


def as_message(headers: dict[str, str]) -> http.client.HTTPMessage:
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    return http.client.parse_headers(io.BytesIO(text.encode()))


FRAMEWORKS: dict[str, Any] = {
    "a dict": STANDARD,
    "a dict of bytes": {name.encode(): value.encode() for name, value in STANDARD.items()},
    "pairs": list(STANDARD.items()),
    "pairs of bytes, as in ASGI": [(name.encode(), value.encode()) for name, value in STANDARD.items()],
    "lists as pairs": [[name, value] for name, value in STANDARD.items()],
    "http.server": as_message(STANDARD),
    "FastAPI and Starlette": StarletteHeaders(STANDARD),
    "Flask and Werkzeug": WerkzeugHeaders(STANDARD),
}


@pytest.mark.parametrize("headers", FRAMEWORKS.values(), ids=FRAMEWORKS.keys())
def test_headers_are_taken_as_frameworks_give_them(headers: Any) -> None:
    assert reason_of(headers) is None


@pytest.mark.parametrize("name", STANDARD)
def test_a_header_that_comes_twice_is_refused_even_with_the_same_value(name: str) -> None:
    pairs = [*STANDARD.items(), (name.upper(), STANDARD[name])]
    assert reason_of(pairs) == "malformed_header"
    assert reason_of(StarletteHeaders(raw=[(n.lower().encode(), v.encode()) for n, v in pairs])) == (
        "malformed_header"
    )
    assert reason_of({**STANDARD, name.title(): STANDARD[name]}) == "malformed_header"


def test_a_body_signature_that_comes_twice_is_refused() -> None:
    pairs = [*BODY_ONLY.items(), *BODY_ONLY.items()]
    assert reason_of(pairs, allow_body_signature=True) == "malformed_header"


def test_headers_that_are_not_read_may_be_anything() -> None:
    odd = [("Set-Cookie", "a"), ("Set-Cookie", "b"), (b"\xff", b"\xff"), (None, 1), ("X", ["list"])]
    assert reason_of([*odd, *STANDARD.items()]) is None


def test_a_name_that_only_folds_to_a_header_in_unicode_is_another_header() -> None:
    kelvin = {name.replace("k", "\u212a"): value for name, value in STANDARD.items()}
    assert all(name.lower() in STANDARD for name in kelvin)
    assert reason_of(kelvin) == "missing_header"


@pytest.mark.parametrize("headers", [None, 1, "text", [1], [("one",)], [("a", "b", "c")]], ids=repr)
def test_what_is_no_headers_is_refused_as_malformed(headers: Any) -> None:
    assert reason_of(headers) == "malformed_header"


@pytest.mark.parametrize("value", [None, 1, ["v1,x"], {"v1": "x"}, "\u00e9", "\ud800", b"\xff"], ids=ascii)
@pytest.mark.parametrize("name", STANDARD)
def test_a_value_that_is_no_ascii_text_is_refused_as_malformed(name: str, value: Any) -> None:
    assert reason_of({**STANDARD, name: value}) == "malformed_header"


def test_the_body_signature_alone_is_refused_unless_allowed() -> None:
    assert reason_of(BODY_ONLY) == "body_signature_not_allowed"
    assert reason_of(BODY_ONLY, allow_body_signature=True) is None


def test_allowing_the_body_signature_does_not_make_it_stand_in_for_a_wrong_or_old_one() -> None:
    forged = {**SIGNED, "webhook-signature": sign(BODY, OTHER_SECRET, id="evt_1")["webhook-signature"]}
    assert reason_of(forged, allow_body_signature=True) == "no_matching_signature"
    assert reason_of(SIGNED, allow_body_signature=True, now=NOW + 301) == "timestamp_too_old"


def test_a_scheme_that_the_secret_cannot_check_leaves_the_body_signature_to_decide_where_allowed() -> None:
    asymmetric = {**sign(BODY, PRIVATE_KEY, id="evt_1", timestamp=NOW), **BODY_ONLY}
    assert reason_of(asymmetric) == "no_matching_signature"
    assert reason_of(asymmetric, allow_body_signature=True) is None
    assert reason_of(asymmetric, secret=public_key(PRIVATE_KEY)) is None


@pytest.mark.parametrize(
    ("tolerance", "now", "reason"),
    [
        (0, NOW, None),
        (0, NOW + 1, "timestamp_too_old"),
        (0, NOW - 1, "timestamp_too_new"),
        (0.5, NOW + 0.5, None),
        (0.5, NOW + 0.75, "timestamp_too_old"),
        (300, NOW + 300.5, "timestamp_too_old"),
        (300, NOW - 300.5, "timestamp_too_new"),
        (300, float("nan"), "timestamp_too_old"),
        (300, float("inf"), "timestamp_too_old"),
        (300, float("-inf"), "timestamp_too_new"),
    ],
)
def test_the_tolerance_holds_both_ways_and_includes_its_limit(
    tolerance: float, now: float, reason: str | None
) -> None:
    webhook = Webhook(SECRET, tolerance)
    if reason is None:
        assert webhook.verify(BODY, STANDARD, now=now)
    else:
        with pytest.raises(WebhookVerificationError, match=reason):
            webhook.verify(BODY, STANDARD, now=now)


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_a_tolerance_that_is_no_number_of_seconds_is_a_value_error(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        Webhook(SECRET, tolerance)


MALFORMED_SECRETS: dict[str, Any] = {
    "none": None,
    "empty": "",
    "no secrets": [],
    "a number": [1],
    "bytes": SECRET.encode(),
    "without its prefix": SECRET.removeprefix("whsec_"),
    "with a newline": SECRET + "\n",
    "too short": "whsec_" + base64.b64encode(bytes(23)).decode(),
    "too long": "whsec_" + base64.b64encode(bytes(65)).decode(),
    "not base64": "whsec_" + "*" * 32,
    "beyond ASCII": "whsec_" + "\u00e9" * 32,
    "private": PRIVATE_KEY,
    "public, but of small order": "whpk_" + base64.b64encode(bytes(32)).decode(),
    "public, but short": "whpk_" + base64.b64encode(bytes(31)).decode(),
    "one of two": [SECRET, "whsec_"],
}


@pytest.mark.parametrize("secret", MALFORMED_SECRETS.values(), ids=MALFORMED_SECRETS.keys())
def test_a_malformed_secret_is_a_value_error_that_does_not_repeat_it(secret: Any) -> None:
    with pytest.raises(ValueError, match="malformed secret") as caught:
        Webhook(secret)
    assert "MfKQ9r8GKY" not in str(caught.value)
    assert "6Xb/dCcH" not in str(caught.value)


@pytest.mark.parametrize("size", [24, 25, 26, 64])
def test_a_secret_may_lack_its_padding(size: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(size))).decode().rstrip("=")
    assert reason_of(sign(BODY, secret, id="evt_1", timestamp=NOW), secret=secret) is None


def test_secrets_stay_out_of_what_is_printed() -> None:
    webhook = Webhook(SECRET)
    assert "MfKQ9r8GKY" not in f"{webhook!r} {vars(webhook)!r}"


def test_the_error_says_the_reason_and_survives_copying_and_pickling() -> None:
    error = WebhookVerificationError("missing_header", "webhook-id is absent or empty")
    assert str(error) == "missing_header: webhook-id is absent or empty"
    for same in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (same.reason, str(same)) == (error.reason, str(error))


def test_deeply_nested_json_is_a_malformed_body() -> None:
    body = b'{"a":' + b"[" * 200_000
    headers = sign(body, SECRET, id="evt_1", timestamp=NOW)
    assert reason_of(headers, body=body) == "malformed_body"


def test_more_signatures_than_anybody_sends_are_refused_unchecked() -> None:
    many = " ".join(["v1a," + "A" * 86 + "=="] * 100_000)
    assert reason_of({**STANDARD, "webhook-signature": many}, secret=public_key(PRIVATE_KEY)) == (
        "malformed_header"
    )


def test_verify_signature_is_the_check_that_receivers_write_by_hand() -> None:
    signature = SIGNED["X-AetherFlow-Signature"]
    assert verify_signature(BODY, signature, SECRET)
    assert not verify_signature(BODY + b" ", signature, SECRET)
    assert not verify_signature(BODY, signature, OTHER_SECRET)
    assert not verify_signature(BODY, signature.upper(), SECRET)


def test_verify_signature_takes_any_text_as_the_secret_but_nothing_that_others_know() -> None:
    def made(secret: str) -> str:
        return hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()

    assert verify_signature(BODY, made("correct horse é"), "correct horse é")
    assert not verify_signature(BODY, made(""), "")
    assert not verify_signature(BODY, made(public_key(PRIVATE_KEY)), public_key(PRIVATE_KEY))


anything = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(), st.text(), max_size=3),
)


@given(payload=anything, signature=anything, secret=anything)
@example(BODY, "\ud800", SECRET)
@example(BODY, SIGNED["X-AetherFlow-Signature"], "\ud800")
@example(BODY, SIGNED["X-AetherFlow-Signature"], None)
@example(BODY, None, SECRET)
@example(BODY.decode(), SIGNED["X-AetherFlow-Signature"], SECRET)
@settings(deadline=None)
def test_verify_signature_answers_false_to_garbage(payload: Any, signature: Any, secret: Any) -> None:
    assert verify_signature(payload, signature, secret) is False


# Pieces that look right, so that the fuzzing gets beyond the first check.
plausible = st.one_of(
    st.sampled_from([*SIGNED.values(), "", " ", "v1,", "v1a,", "v1a," + "A" * 86 + "==", str(NOW), "0"]),
    st.text(),
    st.text(alphabet="v1a,= 0123456789.-+eE_\t\n\r", max_size=40),
    st.lists(
        st.sampled_from(["v1,AAAA", "v1a," + "A" * 86 + "==", "v1", "v2,x", ",", "v1,=", "v1a,\x00"]),
        max_size=30,
    ).map(" ".join),
    anything,
)
header_name = st.one_of(
    st.sampled_from([*READ_HEADERS, *map(str.upper, READ_HEADERS), *map(str.encode, READ_HEADERS)]), anything
)
hostile_headers = st.one_of(
    st.fixed_dictionaries({}, optional=dict.fromkeys(READ_HEADERS, plausible)),
    st.lists(st.tuples(header_name, plausible), max_size=8),
    st.lists(anything, max_size=5),
    anything,
)


@given(
    body=st.one_of(st.binary(), st.just(BODY)),
    headers=hostile_headers,
    secret=st.sampled_from([SECRET, public_key(PRIVATE_KEY)]),
    allow=st.booleans(),
    now=st.one_of(st.none(), st.just(NOW), st.floats(), st.integers(-(2**70), 2**70)),
)
@settings(max_examples=600, deadline=None)
def test_verify_raises_nothing_but_its_own_error_whatever_arrives(
    body: bytes, headers: Any, secret: str, allow: bool, now: float | None
) -> None:
    reason = reason_of(headers, body=body, secret=secret, allow_body_signature=allow, now=now)
    if reason is None:
        assert body == BODY
    else:
        assert reason in get_args(Reason)


@given(body=st.binary(max_size=300))
@settings(deadline=None)
def test_any_signed_bytes_are_parsed_or_refused_as_malformed(body: bytes) -> None:
    headers = sign(body, SECRET, id="evt_1", timestamp=NOW)
    assert reason_of(headers, body=body) in (None, "malformed_body")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(document=st.dictionaries(st.text(), json_values, max_size=5))
@settings(deadline=None)
def test_what_is_signed_comes_back_as_it_was(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    headers = sign(body, SECRET, id="evt_1", timestamp=NOW)
    assert Webhook(SECRET).verify(body, headers, now=NOW) == document
