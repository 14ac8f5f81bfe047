"""`v1`: the symmetric scheme of Standard Webhooks, an HMAC-SHA256 in base64 for every live key.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from binascii import b2a_base64
from hmac import digest

from app.signatures.keys import SigningKeys
from app.signatures.scheme import Scheme


def _write(keys: SigningKeys, stamped: bytes) -> bytes:
    return b" ".join(
        [b"v1," + b2a_base64(digest(key, stamped, "sha256"), newline=False) for key in keys.live]
    )


V1 = Scheme("v1", covers="stamped body", write=_write)
