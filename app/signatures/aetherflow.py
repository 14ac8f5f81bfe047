"""`aetherflow`: one hexadecimal HMAC-SHA256 of the body in a header of its own.

The header holds exactly one value, because its receivers compare the whole header with their own
result. While a rotation overlaps, the signature under the other key therefore travels in a second
header.
"""

from binascii import hexlify
from hmac import digest

from app.signatures.keys import SigningKeys
from app.signatures.scheme import Scheme


def _write(keys: SigningKeys, body: bytes) -> bytes:
    first = b"X-AetherFlow-Signature: %b\r\n" % hexlify(digest(keys.primary, body, "sha256"))
    if keys.second is None:
        return first
    return b"%bX-AetherFlow-Signature-2: %b\r\n" % (first, hexlify(digest(keys.second, body, "sha256")))


AETHERFLOW = Scheme("aetherflow", covers="body", write=_write)
