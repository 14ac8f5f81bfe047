"""What the checks of several providers share: keys, digests, comparing, and the age of a signature.

Two rules hold for all of them. A signature is compared in its encoded form and in constant time, so
that each has exactly one spelling, and garbage is merely a signature that does not fit. And an empty
secret is no secret, since everybody could sign with it.
"""

import re
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from hmac import compare_digest, digest

from app.providers.provider import SignedRequest

NO_SECRET = "no usable secret is set"  # noqa: S105 - a reason, not a password

# Bounds the work that a header with a list of signatures can ask for. The longest genuine lists hold
# one entry per live key and scheme, which is below ten.
MOST_SIGNATURES = 20

# Canonical decimal, so that there is one spelling, and 12 digits at most, which no clock reaches for
# 29,000 years.
_UNIX_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}")


def keys_of(secrets: Iterable[str]) -> list[bytes]:
    """Return the UTF-8 bytes of the secrets, leaving out empty ones."""
    return [_encode(secret) for secret in secrets if secret]


def hex_digest(key: bytes, content: bytes) -> bytes:
    """Return the HMAC-SHA256 of the content in lowercase hexadecimal."""
    return digest(key, content, "sha256").hex().encode()


def base64_digest(key: bytes, content: bytes) -> bytes:
    """Return the HMAC-SHA256 of the content in padded standard base64."""
    return b2a_base64(digest(key, content, "sha256"), newline=False)


def hub_digest(key: bytes, content: bytes) -> bytes:
    """Return what WebSub (section 7.1) and those who borrowed from it put into `X-Hub-Signature-256`."""
    return b"sha256=" + hex_digest(key, content)


def read_header(request: SignedRequest, name: str) -> str | None:
    """Return a header without the white space around it; None when it is absent or empty."""
    return (request.headers.get(name) or "").strip(" \t") or None


def is_same_text(given: str, expected: bytes) -> bool:
    """Whether a text from a request is the expected one; takes as long wherever they differ."""
    # As bytes, because compare_digest raises on text that is not ASCII.
    return compare_digest(_encode(given), expected)


def judge_signature(request: SignedRequest, header: str, *, expected: Sequence[bytes]) -> str | None:
    """Return None when the header's value is one of those that the secrets give, else the reason."""
    if not expected:
        return NO_SECRET
    given = read_header(request, header)
    if given is None:
        return f"{header} is missing"
    if not any(is_same_text(given, each) for each in expected):
        return f"{header} does not fit"
    return None


def is_unix_time(text: str) -> bool:
    """Whether a text is a time as providers write it: whole Unix seconds."""
    return _UNIX_SECONDS.fullmatch(text) is not None


def judge_age(timestamp: str, *, tolerance_seconds: int, now: datetime) -> str | None:
    """Return None when a signed Unix time is close enough to `now`, the limit included, else the reason.

    `timestamp` is one that `is_unix_time` accepts. Whole seconds are compared, as nothing finer is signed.
    """
    age_seconds = int(now.timestamp()) - int(timestamp)
    if age_seconds > tolerance_seconds:
        return f"signed {age_seconds} s ago"
    if age_seconds < -tolerance_seconds:
        return f"signed {-age_seconds} s from now"
    return None


def _encode(text: str) -> bytes:
    # Whatever a text holds can be compared, half a surrogate pair included.
    return text.encode("utf-8", "surrogatepass")
