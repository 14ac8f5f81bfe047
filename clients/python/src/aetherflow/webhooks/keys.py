"""What a secret string is: which signatures it can check, and with which key.

One `whsec_` string yields two different keys. The body signature's key is the whole string, prefix
included; the Standard Webhooks key is what the part after the prefix decodes to. A `whpk_` string is
public: it checks Ed25519 signatures, and it must never become the key of an HMAC, or everybody who
knows it could sign. Here, and only here, the strings are taken apart.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Union

from aetherflow.webhooks.ed25519 import PublicKey

SHARED_PREFIX = "whsec_"
PUBLIC_PREFIX = "whpk_"
PRIVATE_PREFIX = "whsk_"

# What the service makes and imports; a shorter key is a truncated one.
_SHORTEST_KEY_BYTES, _LONGEST_KEY_BYTES = 24, 64


@dataclass(frozen=True)
class SharedSecret:
    """Both keys of a `whsec_` secret. They stay out of its repr, and so out of tracebacks and logs."""

    body_key: bytes = field(repr=False)
    message_key: bytes = field(repr=False)


Key = Union[SharedSecret, PublicKey]


def parse_secret(secret: str) -> Key:
    """The key or keys of a `whsec_` or `whpk_` string.

    Raises ValueError, without repeating the secret, when it is anything else, is damaged, or has
    white space around it (which would silently make another body key).
    """
    if not isinstance(secret, str):
        raise ValueError("malformed secret: it is not a string")
    if secret.startswith(SHARED_PREFIX):
        key = decode_key(secret, SHARED_PREFIX)
        if not _SHORTEST_KEY_BYTES <= len(key) <= _LONGEST_KEY_BYTES:
            raise ValueError(f"malformed secret: {len(key)} bytes after {SHARED_PREFIX}, expected 24 to 64")
        return SharedSecret(body_key=secret.encode(), message_key=key)
    if secret.startswith(PUBLIC_PREFIX):
        try:
            return PublicKey(decode_key(secret, PUBLIC_PREFIX))
        except ValueError as error:
            raise ValueError(f"malformed secret: not an Ed25519 public key: {error}") from None
    if secret.startswith(PRIVATE_PREFIX):
        raise ValueError("malformed secret: a receiver needs the public key (whpk_), not the private one")
    raise ValueError(f"malformed secret: it starts with neither {SHARED_PREFIX} nor {PUBLIC_PREFIX}")


def decode_key(secret: str, prefix: str) -> bytes:
    """The bytes behind the prefix. Missing `=` at the end are forgiven, nothing else is."""
    encoded = secret[len(prefix) :]
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        raise ValueError(f"malformed secret: what follows {prefix} is not base64") from None
