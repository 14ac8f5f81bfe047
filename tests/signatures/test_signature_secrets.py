"""The text forms of signing keys: what is made, what is accepted, and what is never shown."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InternalError, Invalid
from app.signatures import SigningKeys
from app.signatures.secrets import (
    body_key,
    make_ed25519,
    make_secret,
    parse_ed25519,
    parse_secret,
    private_key,
    public_key,
    stamped_key,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHSK = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
WHPK = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@given(st.binary(min_size=24, max_size=24))
def test_a_made_secret_is_accepted_and_gives_back_its_random_bytes(random_bytes: bytes) -> None:
    secret = make_secret(random_bytes)
    assert parse_secret(secret) == secret
    assert stamped_key(secret) == random_bytes


@given(st.binary(min_size=24, max_size=64))
def test_an_imported_secret_keeps_its_text_and_gives_two_keys_that_differ(raw: bytes) -> None:
    text = "whsec_" + encode(raw)
    secret = parse_secret(text)
    assert secret == text
    assert body_key(secret) == text.encode()
    assert stamped_key(secret) == raw


@given(st.binary(max_size=100).filter(lambda raw: not 24 <= len(raw) <= 64))
def test_an_imported_secret_of_another_length_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        parse_secret("whsec_" + encode(raw))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec",
        SECRET.removeprefix("whsec_"),
        SECRET.upper(),
        " " + SECRET,
        SECRET + "\n",
        SECRET + " ",
        SECRET[:-1],
        SECRET + "====",
        SECRET.replace("whsec_", "whsk_"),
        "whsec_" + SECRET,
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 24).decode(),
        "whsec_" + encode(b"k" * 25).rstrip("="),
        "whsec_" + encode(b"k" * 25)[:-3] + "x==",
        "whsec_é" + encode(b"k" * 24),
        "whsec_\ud800" + encode(b"k" * 24),
        "whsec_" + "A" * 100_000,
    ],
)
def test_what_is_not_the_canonical_text_of_a_secret_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_secret(text)
    assert [problem.path for problem in caught.value.problems] == ["/secret"]


@pytest.mark.parametrize("parse", [parse_secret, parse_ed25519])
def test_a_refusal_repeats_nothing_of_the_secret(parse: Callable[[str], str]) -> None:
    with pytest.raises(Invalid) as caught:
        parse("whsec_c2VudGluZWwtb2YtYS1zZWNyZXQ")
    error = caught.value
    assert "c2Vud" not in f"{error!r} {error} {error.detail} {error.problems} {error.__cause__!r}"


@pytest.mark.parametrize("size", [0, 23, 25, 32])
def test_a_secret_is_made_of_exactly_24_random_bytes(size: int) -> None:
    with pytest.raises(InternalError):
        make_secret(bytes(size))


@given(st.binary(min_size=32, max_size=32))
def test_a_made_ed25519_secret_is_accepted_and_its_public_key_verifies_what_it_signs(seed: bytes) -> None:
    secret = make_ed25519(seed)
    assert parse_ed25519(secret) == secret
    published = base64.b64decode(public_key(secret).removeprefix("whpk_"))
    assert published == Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    private_key(secret).public_key().verify(private_key(secret).sign(b"body"), b"body")


def test_the_published_ed25519_secret_has_the_public_key_of_its_second_half() -> None:
    assert public_key(parse_ed25519(WHSK)) == WHPK


@given(st.binary(min_size=32, max_size=32), st.integers(0, 255))
def test_a_public_half_that_does_not_belong_to_the_seed_is_refused(seed: bytes, flipped_bit: int) -> None:
    raw = bytearray(base64.b64decode(make_ed25519(seed).removeprefix("whsk_")))
    raw[32 + flipped_bit // 8] ^= 1 << flipped_bit % 8
    with pytest.raises(Invalid, match="does not fit") as caught:
        parse_ed25519("whsk_" + encode(bytes(raw)))
    assert [problem.path for problem in caught.value.problems] == ["/ed25519_secret"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsk_",
        WHSK.removeprefix("whsk_"),
        WHSK.replace("whsk_", "whsec_"),
        WHPK,
        WHSK.rstrip("="),
        WHSK + "\n",
        WHSK[:-3] + "h==",
        "whsk_" + encode(bytes(32)),
        "whsk_" + encode(bytes(65)),
    ],
)
def test_what_is_not_the_canonical_text_of_an_ed25519_secret_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="malformed") as caught:
        parse_ed25519(text)
    assert [problem.path for problem in caught.value.problems] == ["/ed25519_secret"]


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_an_ed25519_secret_is_made_of_a_seed_of_exactly_32_bytes(size: int) -> None:
    with pytest.raises(InternalError):
        make_ed25519(bytes(size))


def test_the_repr_of_signing_keys_shows_no_key_material() -> None:
    keys = SigningKeys.of([SECRET], primary=SECRET, ed25519=[WHSK])
    assert repr(keys) == "SigningKeys()"


OTHER = make_secret(b"o" * 24)


@pytest.mark.parametrize(
    ("live", "primary", "second"),
    [
        ([], SECRET, None),
        ([OTHER], SECRET, None),
        ([SECRET], SECRET, SECRET),
        ([SECRET], SECRET, OTHER),
    ],
    ids=["no live secret", "primary not live", "second is the primary", "second not live"],
)
def test_signing_keys_that_do_not_fit_together_are_a_mistake_of_ours(
    live: list[str], primary: str, second: str | None
) -> None:
    with pytest.raises(InternalError):
        SigningKeys.of(live, primary=primary, second=second)
