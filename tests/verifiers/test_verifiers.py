"""The programs in three languages take what is genuine and nothing else, so that tests can rely on them."""

import hashlib
import hmac

import pytest

from tests.verifiers.running import Verifiers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"event":"a.b","data":{"owl":"🦉\\u0000","n":1.10}}'.encode()
SIGNATURE = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()

ALL = {"JavaScript", "Python", "Go"}


@pytest.mark.parametrize("body", [BODY, b"", b"\xff\x00\n", b"x" * 300_000])
def test_a_genuine_signature_is_valid_in_every_language(verifiers: Verifiers, body: bytes) -> None:
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert verifiers.judge(SECRET, signature, body) == dict.fromkeys(ALL, True)


@pytest.mark.parametrize(
    ("secret", "signature", "body"),
    [
        (SECRET.lower(), SIGNATURE, BODY),
        (SECRET.removeprefix("whsec_"), SIGNATURE, BODY),
        (SECRET, SIGNATURE, BODY + b"\n"),
        (SECRET, SIGNATURE[:-1], BODY),
        (SECRET, f"{SIGNATURE}0", BODY),
        (SECRET, SIGNATURE[::-1], BODY),
        (SECRET, f"sha256={SIGNATURE}", BODY),
        (SECRET, "🦉", BODY),
        (SECRET, "", BODY),
    ],
)
def test_any_other_signature_is_invalid_in_every_language(
    verifiers: Verifiers, secret: str, signature: str, body: bytes
) -> None:
    assert verifiers.judge(secret, signature, body) == dict.fromkeys(ALL, False)
