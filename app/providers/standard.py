"""Standard Webhooks, which many senders follow; those on Svix say `svix-` instead of `webhook-`.

A secret is `whsec_` and the base64 of the key, the prefix may be missing; `whpk_` is a public key. One
header lists signatures over `id.time.body` for every live key: `v1` (HMAC-SHA256), `v1a` (Ed25519).

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

from app.providers.checks import (
    MOST_SIGNATURES,
    NO_SECRET,
    base64_digest,
    is_same_text,
    is_unix_time,
    judge_age,
    read_header,
)
from app.providers.ed25519 import PUBLIC_KEY_BYTES, is_signed_by
from app.providers.provider import Provider, SignedRequest

_V1, _V1A = "v1,", "v1a,"
_SECRET_PREFIX, _PUBLIC_PREFIX = "whsec_", "whpk_"

# No dots, or the id could borrow digits from the time: `a.1` + `2` signs the same text as `a` + `1.2`.
_ID = re.compile(r"[!-\-/-~]{1,256}")


def has_checkable(signatures: str | None, secrets: Sequence[str]) -> bool:
    """Whether a `webhook-signature` holds one of a kind that these secrets could check, right or wrong."""
    kinds = ((_V1, _shared_keys(secrets)), (_V1A, _public_keys(secrets)))
    versions = tuple(version for version, keys in kinds if keys)
    return any(entry.startswith(versions) for entry in (signatures or "").split())


def _verify(
    request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
) -> str | None:
    shared, public = _shared_keys(secrets), _public_keys(secrets)
    if not shared and not public:
        return NO_SECRET
    family = "webhook" if read_header(request, "webhook-signature") else "svix"
    signatures = read_header(request, f"{family}-signature")
    message_id, timestamp = read_header(request, f"{family}-id"), read_header(request, f"{family}-timestamp")
    if signatures is None or message_id is None or timestamp is None:
        return "webhook-id, webhook-timestamp or webhook-signature is missing"
    entries = signatures.split()
    is_list = signatures.isascii() and len(entries) <= MOST_SIGNATURES
    if not is_list or not _ID.fullmatch(message_id) or not is_unix_time(timestamp):
        return f"{family}-id, {family}-timestamp or {family}-signature is malformed"
    content = f"{message_id}.{timestamp}.".encode() + request.body
    if not (_fits_shared(entries, content, keys=shared) or _fits_public(entries, content, keys=public)):
        return f"{family}-signature does not fit"
    return judge_age(timestamp, tolerance_seconds=tolerance_seconds, now=now)


def _fits_shared(entries: Sequence[str], content: bytes, *, keys: Sequence[bytes]) -> bool:
    expected = [_V1.encode() + base64_digest(key, content) for key in keys]
    return any(is_same_text(entry, each) for entry in entries for each in expected)


def _fits_public(entries: Sequence[str], content: bytes, *, keys: Sequence[bytes]) -> bool:
    decoded = [_decode(entry.removeprefix(_V1A)) for entry in entries if entry.startswith(_V1A)]
    return any(is_signed_by(key, content, signature=each) for each in decoded for key in keys)


def _shared_keys(secrets: Sequence[str]) -> list[bytes]:
    texts = [secret for secret in secrets if not secret.startswith(_PUBLIC_PREFIX)]
    return [key for key in (_decode(text.removeprefix(_SECRET_PREFIX)) for text in texts) if key]


def _public_keys(secrets: Sequence[str]) -> list[bytes]:
    texts = [secret for secret in secrets if secret.startswith(_PUBLIC_PREFIX)]
    keys = [_decode(text.removeprefix(_PUBLIC_PREFIX)) for text in texts]
    return [key for key in keys if len(key) == PUBLIC_KEY_BYTES]


def _decode(text: str) -> bytes:
    """The bytes of base64 text; none unless the text is exactly how they are encoded."""
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        return b""
    return decoded if b64encode(decoded).decode() == text else b""


STANDARD = Provider("standard", verify=_verify)
