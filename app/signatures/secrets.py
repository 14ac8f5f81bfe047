"""The text forms of signing keys, and the key bytes that each scheme takes from them.

1. A signing secret (`whsec_...`) is one string that gives two different keys. The `aetherflow`
   scheme uses the UTF-8 bytes of the whole string, prefix included; Standard Webhooks uses the
   bytes that the base64 part decodes to. `BodyKey` and `StampedKey` keep the two apart, so that
   handing one scheme the other's key is a type error.
2. An Ed25519 secret (`whsk_...`) holds the 32-byte seed and the 32-byte public key behind it.
   Receivers get the public half alone (`whpk_...`).
3. Only canonical base64 (standard alphabet, padded, unused bits zero) is accepted: receivers'
   libraries differ in what else they decode, and must all arrive at the same key.

No message of this module repeats any part of a secret.
"""

import base64
from typing import NewType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.errors import InternalError, Invalid, Problem

SigningSecret = NewType("SigningSecret", str)
"""The text of a `whsec_` secret that has been checked."""

Ed25519Secret = NewType("Ed25519Secret", str)
"""The text of a `whsk_` secret that has been checked, public half included."""

BodyKey = NewType("BodyKey", bytes)
"""The key of the scheme that signs the body alone: the whole secret string."""

StampedKey = NewType("StampedKey", bytes)
"""The key of Standard Webhooks `v1`: the decoded part behind `whsec_`."""

NEW_SECRET_BYTES = 24  # The least that Standard Webhooks allows; 192 bits are out of anyone's reach.
ED25519_SEED_BYTES = 32  # RFC 8032, section 5.1.5.

_SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a password
_ED25519_PREFIX = "whsk_"
_PUBLIC_PREFIX = "whpk_"
_SECRET_BYTES = range(24, 65)  # Standard Webhooks: 24 to 64 bytes.
_ED25519_BYTES = 64  # Seed and public key, 32 bytes each.


def make_secret(random_bytes: bytes) -> SigningSecret:
    """Make a signing secret out of `NEW_SECRET_BYTES` bytes of chance."""
    if len(random_bytes) != NEW_SECRET_BYTES:
        raise InternalError(f"A new signing secret takes {NEW_SECRET_BYTES} random bytes.")
    return SigningSecret(_SECRET_PREFIX + _encode(random_bytes))


def parse_secret(text: str) -> SigningSecret:
    """Check a secret that somebody brings along, and give it back unchanged.

    Raises `Invalid`, naming `/secret`, unless it is `whsec_` and canonical base64 of 24 to 64 bytes.
    """
    key = _decode(text, prefix=_SECRET_PREFIX)
    if key is None or len(key) not in _SECRET_BYTES:
        message = "must be `whsec_` followed by padded standard base64 of 24 to 64 bytes"
        raise Invalid("The signing secret is malformed.", problems=[Problem("/secret", message)])
    return SigningSecret(text)


def body_key(secret: SigningSecret) -> BodyKey:
    """Return the key of the scheme that signs the body alone."""
    return BodyKey(secret.encode())


def stamped_key(secret: SigningSecret) -> StampedKey:
    """Return the key of Standard Webhooks `v1`."""
    return StampedKey(base64.b64decode(secret.removeprefix(_SECRET_PREFIX)))


def make_ed25519(seed: bytes) -> Ed25519Secret:
    """Make an Ed25519 secret out of `ED25519_SEED_BYTES` bytes of chance."""
    if len(seed) != ED25519_SEED_BYTES:
        raise InternalError(f"An Ed25519 secret takes a seed of {ED25519_SEED_BYTES} random bytes.")
    return Ed25519Secret(_ED25519_PREFIX + _encode(seed + _public_half(seed)))


def parse_ed25519(text: str) -> Ed25519Secret:
    """Check an Ed25519 secret that somebody brings along, and give it back unchanged.

    Raises `Invalid`, naming `/ed25519_secret`, unless it is `whsk_` and canonical base64 of a seed
    followed by the public key that belongs to it. With a foreign public half, the `whpk_` that we
    publish would verify nothing that we sign.
    """
    raw = _decode(text, prefix=_ED25519_PREFIX)
    if raw is None or len(raw) != _ED25519_BYTES:
        message = "must be `whsk_` followed by padded standard base64 of 64 bytes: seed, then public key"
        raise Invalid("The Ed25519 secret is malformed.", problems=[Problem("/ed25519_secret", message)])
    if raw[ED25519_SEED_BYTES:] != _public_half(raw[:ED25519_SEED_BYTES]):
        message = "the public key in its second half does not belong to the seed in its first"
        raise Invalid("The Ed25519 secret does not fit.", problems=[Problem("/ed25519_secret", message)])
    return Ed25519Secret(text)


def private_key(secret: Ed25519Secret) -> Ed25519PrivateKey:
    """Return the half that signs `v1a`."""
    return Ed25519PrivateKey.from_private_bytes(_ed25519_bytes(secret)[:ED25519_SEED_BYTES])


def public_key(secret: Ed25519Secret) -> str:
    """Return the half that receivers verify with, as `whpk_` and base64 of 32 bytes."""
    return _PUBLIC_PREFIX + _encode(_ed25519_bytes(secret)[ED25519_SEED_BYTES:])


def _ed25519_bytes(secret: Ed25519Secret) -> bytes:
    return base64.b64decode(secret.removeprefix(_ED25519_PREFIX))


def _public_half(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str, *, prefix: str) -> bytes | None:
    """Return the bytes behind the prefix, or None where the text is not their one canonical form."""
    if not text.startswith(prefix):
        return None
    encoded = text.removeprefix(prefix)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return raw if _encode(raw) == encoded else None
