"""`v1a`: the asymmetric scheme of Standard Webhooks, an Ed25519 signature in base64 for every live key.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from binascii import b2a_base64

from app.errors import InternalError
from app.signatures.keys import SigningKeys
from app.signatures.scheme import Scheme


def _write(keys: SigningKeys, stamped: bytes) -> bytes:
    if not keys.ed25519:
        raise InternalError("An endpoint with the scheme `v1a` must have an Ed25519 secret.")
    return b" ".join([b"v1a," + b2a_base64(key.sign(stamped), newline=False) for key in keys.ed25519])


V1A = Scheme("v1a", covers="stamped body", write=_write)
