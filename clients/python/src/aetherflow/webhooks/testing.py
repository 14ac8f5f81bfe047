"""Signed requests for the tests of a receiver, made the way the service makes them.

    request = signed_request("invoice.paid", {"invoice": {"id": "in_1"}}, SECRET)
    answer = app.test_client().post("/webhook", data=request.body, headers=request.headers)

Not for production: signing with Ed25519 here takes a time that depends on the private key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aetherflow import __version__
from aetherflow.webhooks import ed25519
from aetherflow.webhooks.keys import PRIVATE_PREFIX, PUBLIC_PREFIX, SharedSecret, decode_key, parse_secret
from aetherflow.webhooks.wire import json_bytes, time_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class SignedRequest:
    """What a receiver gets. The body is signed as it is: send these bytes, not another encoding."""

    body: bytes
    headers: dict[str, str]


def signed_request(
    event: str,
    data: Mapping[str, Any],
    secret: str | Sequence[str],
    *,
    id: str | None = None,
    timestamp: int | None = None,
) -> SignedRequest:
    """A complete delivery of an event of this type and data.

    `timestamp` is the Unix time at which it happened and was signed, by default now: an old one makes
    a delivery that a receiver must refuse. `id` is a new one unless given: give the same one twice to
    test that duplicates are recognised.
    """
    event_id = f"evt_{uuid.uuid4().hex}" if id is None else id
    seconds = int(time.time()) if timestamp is None else timestamp
    happened_at = time_text(datetime.fromtimestamp(seconds, timezone.utc))
    body = json_bytes({"event": event, "id": event_id, "timestamp": happened_at, "data": data})
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"AetherFlow-Webhooks/{__version__}",
        "X-AetherFlow-Event": event,
        "X-AetherFlow-Delivery": f"dlv_{uuid.uuid4().hex}",
        "X-AetherFlow-Attempt": "1",
    }
    return SignedRequest(body, {**headers, **sign(body, secret, id=event_id, timestamp=seconds)})


def sign(
    body: bytes, secret: str | Sequence[str], *, id: str, timestamp: int | None = None
) -> dict[str, str]:
    """The headers that sign a body, under each secret.

    A `whsec_` secret makes `X-AetherFlow-Signature` and a `v1` signature, a second one
    `X-AetherFlow-Signature-2`, as while a secret is being replaced. A `whsk_` key makes a `v1a`
    signature; `public_key` tells what its receiver needs. `timestamp` is in Unix seconds, by default
    now. Raises ValueError for a malformed secret.
    """
    secrets = [secret] if isinstance(secret, str) else list(secret)
    seconds = int(time.time()) if timestamp is None else timestamp
    message = f"{id}.{seconds}.".encode() + body
    signatures = [_message_signature(message, each) for each in secrets]
    headers = {
        "webhook-id": id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }
    shared = [each for each in map(_shared, secrets) if each is not None]
    for name, key in zip(("X-AetherFlow-Signature", "X-AetherFlow-Signature-2"), shared):
        headers[name] = hmac.digest(key.body_key, body, "sha256").hex()
    return headers


def public_key(private_key: str) -> str:
    """The `whpk_` key that checks what a `whsk_` key signs. Raises ValueError when that is malformed."""
    _, public = _private_halves(private_key)
    return PUBLIC_PREFIX + base64.b64encode(public).decode()


def _shared(secret: str) -> SharedSecret | None:
    if secret.startswith(PRIVATE_PREFIX):
        return None
    key = parse_secret(secret)
    if not isinstance(key, SharedSecret):
        raise ValueError("malformed secret: a public key (whpk_) cannot sign")
    return key


def _message_signature(message: bytes, secret: str) -> str:
    shared = _shared(secret)
    if shared is not None:
        digest = hmac.digest(shared.message_key, message, "sha256")
        return f"v1,{base64.b64encode(digest).decode()}"
    return f"v1a,{base64.b64encode(_ed25519_signature(message, secret)).decode()}"


def _private_halves(private_key: str) -> list[bytes]:
    """Seed and public key, 32 bytes each."""
    if not private_key.startswith(PRIVATE_PREFIX):
        raise ValueError(f"malformed secret: it does not start with {PRIVATE_PREFIX}")
    both = decode_key(private_key, PRIVATE_PREFIX)
    if len(both) != 64:
        raise ValueError(f"malformed secret: {len(both)} bytes after {PRIVATE_PREFIX}, expected 64")
    return [both[:32], both[32:]]


def _ed25519_signature(message: bytes, private_key: str) -> bytes:
    """RFC 8032, section 5.1.6."""
    seed, public = _private_halves(private_key)
    digest = hashlib.sha512(seed).digest()
    # Clamped: a multiple of the cofactor, with the highest bit at a fixed place.
    scalar = int.from_bytes(digest[:32], "little") & ~7 & ~(1 << 255) | 1 << 254
    nonce = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % ed25519.ORDER
    r_encoded = ed25519.encode(ed25519.sum_of_multiples(nonce, ed25519.BASE, 0, ed25519.IDENTITY))
    k = ed25519.challenge(r_encoded, public, message)
    return r_encoded + ((nonce + k * scalar) % ed25519.ORDER).to_bytes(32, "little")
