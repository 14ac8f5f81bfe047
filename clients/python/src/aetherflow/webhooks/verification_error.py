"""The one exception that checking a delivery raises, and the closed set of reasons it gives."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    # A header that the check needs is absent or empty.
    "missing_header",
    # A header is given twice, is not ASCII text, or is no message id, Unix time or list of signatures.
    "malformed_header",
    # The attempt was signed longer ago than the tolerance allows: a replay, or this clock is ahead.
    "timestamp_too_old",
    # The attempt claims to be signed later than the tolerance allows: this clock is behind.
    "timestamp_too_new",
    # Only the body is signed, so nothing tells when, and the caller did not allow that.
    "body_signature_not_allowed",
    # No signature fits any of the secrets: other secret, other body, or not from AetherFlow.
    "no_matching_signature",
    # The signature is right, but the body is not a JSON object.
    "malformed_body",
]


class WebhookVerificationError(Exception):
    """The request is not a delivery that should be trusted; answer it with a 4xx.

    `reason` is one of `Reason` and stable, so programs may look at it. The text is for people, and
    never holds a secret or any part of the body.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason
