"""The way of Slack, which Zoom has taken over: `v0=` and the HMAC of `v0:time:body` in hexadecimal."""

from collections.abc import Sequence
from datetime import datetime

from app.providers.checks import (
    hex_digest,
    is_unix_time,
    judge_age,
    judge_signature,
    keys_of,
    read_header,
)
from app.providers.provider import SignedRequest, Verify


def verify_stamped_body(signature_header: str, timestamp_header: str) -> Verify:
    """Return the check of a provider that signs so, with the time in a header of its own."""

    def verify(
        request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
    ) -> str | None:
        timestamp = read_header(request, timestamp_header)
        if timestamp is None:
            return f"{timestamp_header} is missing"
        if not is_unix_time(timestamp):
            return f"{timestamp_header} is no Unix time"
        content = f"v0:{timestamp}:".encode() + request.body
        expected = [b"v0=" + hex_digest(key, content) for key in keys_of(secrets)]
        return judge_signature(request, signature_header, expected=expected) or judge_age(
            timestamp, tolerance_seconds=tolerance_seconds, now=now
        )

    return verify
