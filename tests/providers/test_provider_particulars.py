"""What is special about single providers, beside the contract that all of them keep."""

from base64 import b64decode
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.providers import SignedRequest, find_provider
from app.providers.plain_hmac import HEADERS
from tests.providers.genuine import (
    NOW,
    SENDERS,
    TOLERANCE_SECONDS,
    base64_text,
    digest,
    genuine,
    notifications,
    request,
    with_header,
)

SECONDS = int(NOW.timestamp())
BODY = b'{"action":"opened"}'


def judge(provider: str, received: SignedRequest, *secrets: str) -> str | None:
    return find_provider(provider).verify(
        received, secrets=secrets, tolerance_seconds=TOLERANCE_SECONDS, now=NOW
    )


def stripe_header(*entries: str, moment: int = SECONDS) -> SignedRequest:
    right = digest("first", f"{moment}.".encode() + BODY).hex()
    return request({"Stripe-Signature": ",".join(entries).format(t=moment, right=right)}, BODY)


@pytest.mark.parametrize(
    "entries",
    [
        ["t={t}", "v1={right}"],
        ["v1={right}", "t={t}"],
        ["t={t}", "v1=wrong", "v1={right}", "v0={right}"],
        ["t={t}", " v1={right}", "v2=", "", "="],
        ["t={t}", *["v1=wrong"] * 19, "v1={right}"],
    ],
)
def test_stripe_may_send_several_signatures_in_any_order(entries: list[str]) -> None:
    assert judge("stripe", stripe_header(*entries), "first") is None


@pytest.mark.parametrize(
    "entries",
    [
        ["t={t}", "t={t}", "v1={right}"],
        ["t={t}", "v1={right}", " t=1"],
        ["t=+{t}", "v1={right}"],
        ["t=0{t}", "v1={right}"],
        ["t=-{t}", "v1={right}"],
        ["t={t}.0", "v1={right}"],
        ["t=", "v1={right}"],
        ["v1={right}"],
        ["t={t}"],
        ["t={t}", "v0={right}"],
        ["t={t}", "V1={right}"],
        ["T={t}", "v1={right}"],
        ["t={t}", *["v1=wrong"] * 20, "v1={right}"],
        ["t={t};v1={right}"],
    ],
)
def test_stripe_without_exactly_one_time_and_a_fitting_signature_fails(entries: list[str]) -> None:
    assert judge("stripe", stripe_header(*entries), "first")


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_the_generic_check_takes_the_usual_headers_and_spellings(header: str, prefix: str) -> None:
    raw = digest("first", BODY)
    for spelling in (raw.hex(), raw.hex().upper(), base64_text(raw)):
        assert judge("hmac", request({header: prefix + spelling}, BODY), "first") is None
        assert judge("hmac", request({header: prefix + spelling}, BODY), "other")


def test_the_generic_check_asks_only_the_first_of_its_headers_that_is_there() -> None:
    right, wrong = digest("first", BODY).hex(), digest("other", BODY).hex()
    for number, (earlier, later) in enumerate(pairwise(HEADERS)):
        assert judge("hmac", request({earlier: right, later: wrong}, BODY), "first") is None, number
        assert judge("hmac", request({earlier: wrong, later: right}, BODY), "first"), number


@pytest.mark.parametrize("spelling", ["sha1={}", "sha256:{}", "SHA256={}", "sha256=sha256={}", "v1={}"])
def test_the_generic_check_takes_no_other_prefix(spelling: str) -> None:
    signature = spelling.format(digest("first", BODY).hex())
    assert judge("hmac", request({"X-Signature": signature}, BODY), "first")


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (notifications("first"), True),
        (notifications("first", "first"), True),
        (notifications("second"), True),
        (notifications("first", "wrong"), False),
        (notifications("first", None), False),
        (notifications("first", ["first"]), False),
        (notifications(""), False),
        (notifications("first "), False),
        (notifications(), False),
        (b'{"value":{"clientState":"first"}}', False),
        (b'{"clientState":"first"}', False),
        (b'[{"clientState":"first"}]', False),
        (b'{"value":["first"]}', False),
        (b'{"value":[{}]}', False),
        (b"first", False),
        (b"", False),
        (b"[" * 100_000, False),
        (b'{"value":[{"clientState":"\xff"}]}', False),
    ],
)
def test_microsoft_graph_has_to_know_the_word_in_every_notification(body: bytes, passes: bool) -> None:
    assert (judge("microsoft_graph", request({}, body), "first", "second", "") is None) == passes


def test_meta_signs_with_the_part_of_the_secret_before_the_colon() -> None:
    signed = request({"X-Hub-Signature-256": f"sha256={digest('app', BODY).hex()}"}, BODY)
    assert judge("meta", signed, "app:token") is None
    assert judge("meta", signed, "app") is None
    assert judge("meta", signed, "token:app")
    empty = request({"X-Hub-Signature-256": f"sha256={digest('', BODY).hex()}"}, BODY)
    assert judge("meta", empty, ":token") == "no usable secret is set"


@pytest.mark.parametrize(
    "body", [b"a1b2-c3", b"true", b"17", b"dG9rZW4=", b"9b4507b3-9040-4669-9ca3-6b94edb50553"]
)
def test_a_challenge_that_x_had_signed_is_no_event(body: bytes) -> None:
    crc = find_provider("x").handshake(
        request({}, method="GET", query={"crc_token": body.decode()}), secret="first", now=NOW
    )
    assert crc is not None
    signature = crc.body.split(b'"')[3].decode()
    assert signature == f"sha256={base64_text(digest('first', body))}"
    assert judge("x", request({"X-Twitter-Webhooks-Signature": signature}, body), "first")


def test_discord_takes_the_public_key_in_either_case_and_nothing_else_for_one() -> None:
    sender = SENDERS["discord"]
    assert judge("discord", genuine(sender), sender.secret.upper()) is None
    for key in (sender.secret[:-2], f"0x{sender.secret[2:]}", f" {sender.secret}", "é" * 64, "٣" * 64):
        assert judge("discord", genuine(sender), key) == "no usable secret is set"


def test_a_signature_of_discord_has_one_spelling() -> None:
    original = genuine(SENDERS["discord"])
    signature = original.headers.get("X-Signature-Ed25519") or ""
    changed = with_header(original, "X-Signature-Ed25519", signature.upper())
    assert judge("discord", changed, SENDERS["discord"].secret) == (
        "X-Signature-Ed25519 or X-Signature-Timestamp is malformed"
    )


def test_standard_webhooks_with_a_public_key() -> None:
    pair, other = (Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"a", b"b"))
    public, foreign = (f"whpk_{base64_text(each.public_key().public_bytes_raw())}" for each in (pair, other))
    signature = base64_text(pair.sign(f"m.{SECONDS}.".encode() + BODY))
    headers = {"webhook-id": "m", "webhook-timestamp": str(SECONDS), "webhook-signature": f"v1a,{signature}"}
    assert judge("standard", request(headers, BODY), public) is None
    assert judge("standard", request(headers, BODY), foreign, public) is None
    assert judge("standard", request(headers, BODY), foreign)
    assert judge("standard", request(headers, BODY + b" "), public)
    # The last character of 64 bytes has four bits that say nothing; only zeros are the one spelling.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stray = f"{signature[:85]}{alphabet[alphabet.index(signature[85]) + 1]}=="
    assert b64decode(stray) == b64decode(signature)
    assert judge("standard", request(headers | {"webhook-signature": f"v1a,{stray}"}, BODY), public)
    # A public key is known to everybody, so it must never serve as the key of an HMAC.
    forged = base64_text(digest(pair.public_key().public_bytes_raw(), f"m.{SECONDS}.".encode() + BODY))
    assert judge("standard", request(headers | {"webhook-signature": f"v1,{forged}"}, BODY), public)


@pytest.mark.parametrize("message_id", ["a.1", "a b", "é", "a" * 257, "\x00"])
def test_standard_webhooks_has_ids_that_cannot_borrow_from_the_time(message_id: str) -> None:
    secret = SENDERS["standard"].secret
    content = f"{message_id}.{SECONDS}.".encode() + BODY
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(SECONDS),
        "webhook-signature": f"v1,{base64_text(digest(bytes([1]) * 24, content))}",
    }
    assert judge("standard", request(headers, BODY), secret) == (
        "webhook-id, webhook-timestamp or webhook-signature is malformed"
    )


def test_the_body_signature_never_makes_a_wrong_or_old_standard_one_good() -> None:
    sender = SENDERS["aetherflow"]
    old = genuine(sender, moment=SECONDS - 301)
    assert judge("aetherflow", old, sender.secret) == "signed 301 s ago"
    wrong = with_header(genuine(sender), "webhook-signature", f"v1,{base64_text(b'w' * 32)}")
    assert judge("aetherflow", wrong, sender.secret) == "webhook-signature does not fit"


def test_a_delivery_with_the_body_signature_alone_passes_as_our_own_and_not_as_standard() -> None:
    sender = SENDERS["aetherflow"]
    alone = with_header(genuine(sender), "webhook-signature", None)
    assert judge("aetherflow", alone, sender.secret) is None
    assert judge("aetherflow", alone, sender.other_secret)
    assert judge("standard", alone, sender.secret)
