"""Ed25519 signatures (RFC 8032), for providers that publish a key instead of sharing a secret."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PUBLIC_KEY_BYTES = 32  # RFC 8032, section 5.1.5.


def is_signed_by(public_key: bytes, content: bytes, *, signature: bytes) -> bool:
    """Whether the owner of the key, `PUBLIC_KEY_BYTES` long, has signed the content."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
