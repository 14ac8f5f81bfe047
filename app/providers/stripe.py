"""Stripe: one header with the time and a signature per live secret, `t=...,v1=...,v1=...`.

The key is the whole secret as text, `whsec_` included. Entries of other versions, such as `v0` of
test events, count for nothing.

Source: https://docs.stripe.com/webhooks#verify-manually
"""

from collections.abc import Sequence
from datetime import datetime

from app.providers.checks import (
    MOST_SIGNATURES,
    NO_SECRET,
    hex_digest,
    is_same_text,
    is_unix_time,
    judge_age,
    keys_of,
    read_header,
)
from app.providers.provider import Provider, SignedRequest

_HEADER = "Stripe-Signature"


def _verify(
    request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
) -> str | None:
    keys = keys_of(secrets)
    if not keys:
        return NO_SECRET
    header = read_header(request, _HEADER)
    if header is None:
        return f"{_HEADER} is missing"
    timestamps, signatures = _values(header, "t"), _values(header, "v1")
    # With two times, two programs could differ about which of them was signed.
    if len(timestamps) != 1 or not is_unix_time(timestamps[0]) or len(signatures) > MOST_SIGNATURES:
        return f"{_HEADER} is malformed"
    content = f"{timestamps[0]}.".encode() + request.body
    expected = [hex_digest(key, content) for key in keys]
    if not any(is_same_text(given, each) for given in signatures for each in expected):
        return f"{_HEADER} does not fit"
    return judge_age(timestamps[0], tolerance_seconds=tolerance_seconds, now=now)


def _values(header: str, name: str) -> list[str]:
    entries = (entry.strip(" ").partition("=") for entry in header.split(","))
    return [value for key, _, value in entries if key == name]


STRIPE = Provider("stripe", verify=_verify)
