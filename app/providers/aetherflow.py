"""What this service itself sends, so that one installation can receive from another.

Deliveries carry `webhook-signature` (see `standard`) unless their endpoint asks for the body signature
alone, `X-AetherFlow-Signature`: an HMAC in hexadecimal under the whole secret as text. While a secret
is replaced, the one under the other secret is in a second header.

A `webhook-signature` that the secrets can check decides: the body signature never makes a wrong one or
an old time good. Without one, nothing tells when the body was signed. An author who wants that refused
asks for `standard` instead.
"""

from collections.abc import Sequence
from datetime import datetime

from app.providers.checks import hex_digest, judge_signature, keys_of, read_header
from app.providers.provider import Provider, SignedRequest
from app.providers.standard import STANDARD, has_checkable

_FIRST, _SECOND = "X-AetherFlow-Signature", "X-AetherFlow-Signature-2"


def _verify(
    request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
) -> str | None:
    given = [header for header in (_FIRST, _SECOND) if read_header(request, header)]
    if not given or has_checkable(read_header(request, "webhook-signature"), secrets):
        return STANDARD.verify(request, secrets=secrets, tolerance_seconds=tolerance_seconds, now=now)
    # Everybody may know a public key, so it signs nothing here.
    shared = [secret for secret in secrets if not secret.startswith("whpk_")]
    expected = [hex_digest(key, request.body) for key in keys_of(shared)]
    verdicts = [judge_signature(request, header, expected=expected) for header in given]
    return None if None in verdicts else verdicts[0]


AETHERFLOW = Provider("aetherflow", verify=_verify)
