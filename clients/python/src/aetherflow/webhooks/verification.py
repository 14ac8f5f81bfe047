"""Whether a request that claims to be a delivery is one.

There are two kinds of signature, and a delivery usually carries both:

1. Standard Webhooks: `webhook-signature` lists signatures over `id.timestamp.body`, `v1` (HMAC-SHA256)
   and `v1a` (Ed25519). The time is signed, so an old delivery that somebody kept cannot be played
   again once it is older than the tolerance.
2. The body signature: `X-AetherFlow-Signature`, and `-2` while a rotation overlaps, are HMAC-SHA256 of
   the body alone. That proves who wrote the body, never when, so it counts only where the caller
   says so.

Three rules keep them from weakening each other. The body signature is asked only if
`webhook-signature` has nothing that the secrets at hand could check; a wrong signature or an old
timestamp is never made good by it. Each secret string yields a separate key for each kind (see
`keys`). And a signature is compared in its encoded form and in constant time, so that each one has
exactly one spelling and garbage is merely a signature that does not match.
"""

from __future__ import annotations

import base64
import hmac
import json
import math
import re
import time
from typing import TYPE_CHECKING, Any

from aetherflow.webhooks.ed25519 import PublicKey
from aetherflow.webhooks.keys import PUBLIC_PREFIX, SharedSecret, parse_secret
from aetherflow.webhooks.received_headers import (
    BODY_SIGNATURE,
    MESSAGE_ID,
    MESSAGE_SIGNATURES,
    MESSAGE_TIMESTAMP,
    OTHER_BODY_SIGNATURE,
    Headers,
    ReceivedHeaders,
)
from aetherflow.webhooks.verification_error import WebhookVerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_V1, _V1A = "v1,", "v1a,"

# Five live keys sign in two schemes each, so 10 are the most that are sent; twice that leaves room for
# a scheme to come, and bounds the work that a hostile header can ask for.
_MOST_SIGNATURES = 20

# No dots, or the id could borrow digits from the timestamp: `a.1` + `2` signs the same text as `a` + `1.2`.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Canonical decimal and 12 digits at most, which no clock reaches for 29,000 years.
_UNIX_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}")


class Webhook:
    """Checks deliveries with the secrets of one endpoint.

    `secret` is what the endpoint was given (`whsec_...`), its public key (`whpk_...`), or several of
    them, any of which may fit: while a secret is being replaced, give the old and the new one.
    `tolerance` is how many seconds the signed time may be away from this machine's clock, either way,
    the limit included. Raises ValueError when a secret or the tolerance is malformed.

    Instances are immutable and may be shared between threads.
    """

    def __init__(self, secret: str | Sequence[str], tolerance: float = 300) -> None:
        if not (math.isfinite(tolerance) and tolerance >= 0):
            raise ValueError("the tolerance is a number of seconds, zero or more")
        # An unset environment variable comes as None, whatever the type says.
        keys = [parse_secret(each) for each in ([secret] if isinstance(secret, str) else secret or ())]
        if not keys:
            raise ValueError("malformed secret: there is none")
        self._shared = [key for key in keys if isinstance(key, SharedSecret)]
        self._public = [key for key in keys if isinstance(key, PublicKey)]
        self._tolerance_seconds = tolerance

    def verify(
        self,
        body: bytes,
        headers: Headers,
        *,
        allow_body_signature: bool = False,
        now: float | None = None,
    ) -> dict[str, Any]:
        """The parsed body of a genuine delivery.

        `body` is the request's body exactly as received, `headers` a mapping or pairs of text or
        bytes, names in any case. `allow_body_signature` also accepts a delivery whose only usable
        signature is over the body; deduplicate by the event's id then, because such a request can be
        replayed for ever. `now` is the present as Unix seconds, by default this machine's clock.

        Raises WebhookVerificationError, and nothing else whatever the bytes and headers hold;
        TypeError when `body` is not bytes, since text or parsed JSON is no longer what was signed.
        """
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise TypeError("verify the raw bytes of the request's body, not text or parsed JSON")
        body = bytes(body)
        received = ReceivedHeaders(headers)
        signature_header = received.find(MESSAGE_SIGNATURES)
        signatures = self._checkable(signature_header)
        body_signatures = [] if signatures else received.find_each(BODY_SIGNATURE, OTHER_BODY_SIGNATURE)
        if body_signatures and allow_body_signature:
            self._check_body(body, body_signatures)
        elif body_signatures and signature_header is None:
            raise WebhookVerificationError(
                "body_signature_not_allowed", "the body signature alone does not tell when it was made"
            )
        else:
            self._check_message(body, received, signatures, now=time.time() if now is None else now)
        return _parse_object(body)

    def _checkable(self, header: str | None) -> list[str]:
        """Those signatures of the header that these secrets could check, each with its version."""
        offered = [part for part in (header or "").split(" ") if part]
        if len(offered) > _MOST_SIGNATURES:
            raise WebhookVerificationError("malformed_header", f"{MESSAGE_SIGNATURES} holds too many")
        versions = tuple(version for version, keys in ((_V1, self._shared), (_V1A, self._public)) if keys)
        return [part for part in offered if part.startswith(versions)]

    def _check_message(
        self, body: bytes, received: ReceivedHeaders, signatures: list[str], *, now: float
    ) -> None:
        received.require(MESSAGE_SIGNATURES)
        message_id, timestamp = received.require(MESSAGE_ID), received.require(MESSAGE_TIMESTAMP)
        if not _ID.fullmatch(message_id):
            raise WebhookVerificationError("malformed_header", f"{MESSAGE_ID} is no message id")
        if not _UNIX_SECONDS.fullmatch(timestamp):
            raise WebhookVerificationError("malformed_header", f"{MESSAGE_TIMESTAMP} is no Unix time")
        self._check_age(now - int(timestamp))
        message = f"{message_id}.{timestamp}.".encode() + body
        if not (self._fits_shared(signatures, message) or self._fits_public(signatures, message)):
            raise WebhookVerificationError("no_matching_signature", f"nothing in {MESSAGE_SIGNATURES} fits")

    def _check_age(self, age_seconds: float) -> None:
        # Written so that an age that is no number is refused.
        if not age_seconds <= self._tolerance_seconds:
            raise WebhookVerificationError("timestamp_too_old", f"signed {age_seconds:.0f} s ago")
        if not age_seconds >= -self._tolerance_seconds:
            raise WebhookVerificationError("timestamp_too_new", f"signed {-age_seconds:.0f} s from now")

    def _fits_shared(self, signatures: list[str], message: bytes) -> bool:
        digests = (hmac.digest(key.message_key, message, "sha256") for key in self._shared)
        expected = [_V1.encode() + base64.b64encode(digest) for digest in digests]
        return any(_is_same_text(given, each) for given in signatures for each in expected)

    def _fits_public(self, signatures: list[str], message: bytes) -> bool:
        decoded = [_decode_canonical(given[len(_V1A) :]) for given in signatures if given.startswith(_V1A)]
        return any(key.accepts(each, message) for each in decoded if each for key in self._public)

    def _check_body(self, body: bytes, signatures: list[str]) -> None:
        expected = [_body_signature(body, key.body_key) for key in self._shared]
        if not any(_is_same_text(given, each) for given in signatures for each in expected):
            raise WebhookVerificationError("no_matching_signature", "no body signature fits")


def verify_signature(payload: bytes, signature: str | None, secret: str) -> bool:
    """Whether `signature` is the body signature of `payload` under `secret`, any non-empty string.

    This is the whole check behind `X-AetherFlow-Signature`: lowercase hex of HMAC-SHA256, the key
    being the UTF-8 bytes of the secret as it was given. It says nothing about when; prefer
    `Webhook.verify`. Never raises: what is absent or of the wrong type does not verify, and neither
    does anything under an empty secret or a public key.
    """
    if not isinstance(payload, (bytes, bytearray, memoryview)) or not isinstance(signature, str):
        return False
    if not isinstance(secret, str) or not secret or secret.startswith(PUBLIC_PREFIX):
        return False
    return _is_same_text(signature, _body_signature(bytes(payload), secret.encode("utf-8", "surrogatepass")))


def _body_signature(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, body, "sha256").hex().encode()


def _decode_canonical(encoded: str) -> bytes | None:
    """The bytes of base64 text, None unless the text is exactly how those bytes are encoded."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return decoded if base64.b64encode(decoded).decode() == encoded else None


def _is_same_text(given: str, expected: bytes) -> bool:
    # As bytes, because compare_digest raises on text that is not ASCII.
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected)


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise WebhookVerificationError("malformed_body", "the body is not a JSON object")
    return parsed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
