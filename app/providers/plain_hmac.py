"""`hmac`: an HMAC-SHA256 of the body in one of the usual headers, for senders without a preset.

The first of `HEADERS` that a request has decides; the others are not asked. Its value is the digest in
hexadecimal, all lower or all upper case, or in padded standard base64, with or without `sha256=` before
it. The key is the secret as text.
"""

from collections.abc import Sequence
from datetime import datetime

from app.providers.checks import NO_SECRET, base64_digest, hex_digest, judge_signature, keys_of, read_header
from app.providers.provider import Provider, SignedRequest

HEADERS = ("X-Signature-256", "X-Signature", "X-Webhook-Signature", "X-Hub-Signature-256")


def _verify(
    request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
) -> str | None:
    keys = keys_of(secrets)
    if not keys:
        return NO_SECRET
    header = next((name for name in HEADERS if read_header(request, name)), None)
    if header is None:
        return f"none of {', '.join(HEADERS)} is there"
    spellings = [spelling for key in keys for spelling in _spellings(key, request.body)]
    return judge_signature(request, header, expected=[*spellings, *(b"sha256=" + each for each in spellings)])


def _spellings(key: bytes, body: bytes) -> tuple[bytes, ...]:
    lowercase = hex_digest(key, body)
    return lowercase, lowercase.upper(), base64_digest(key, body)


HMAC = Provider("hmac", verify=_verify)
