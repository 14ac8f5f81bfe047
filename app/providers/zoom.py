"""Zoom, and the `endpoint.url_validation` with which it tries out a URL, now and again every 72 hours.

The answer is an HMAC of what Zoom sends, under the very key that signs events. Whoever could have any
text signed so would have `v0:time:body` signed and forge an event with it. So the request itself must
be signed, and a token has no colon.

Source: https://developers.zoom.us/docs/api/webhooks/
"""

import re
from datetime import datetime

from app.providers.checks import hex_digest, keys_of
from app.providers.handshakes import TOLERANCE_SECONDS, answer_json, parse_setup
from app.providers.provider import Answer, Provider, SignedRequest
from app.providers.stamped_signatures import verify_stamped_body

_TOKEN = re.compile(r"[A-Za-z0-9+/=_.~-]{1,256}")  # Zoom's are 22 characters of base64.

_verify = verify_stamped_body("X-Zm-Signature", "X-Zm-Request-Timestamp")


def _handshake(request: SignedRequest, *, secret: str | None, now: datetime) -> Answer | None:
    setup = parse_setup(request)
    if setup is None or secret is None or setup.get("event") != "endpoint.url_validation":
        return None
    if _verify(request, secrets=[secret], tolerance_seconds=TOLERANCE_SECONDS, now=now):
        return None
    payload = setup.get("payload")
    token = payload.get("plainToken") if isinstance(payload, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    (key,) = keys_of([secret])
    return answer_json({"plainToken": token, "encryptedToken": hex_digest(key, token.encode()).decode()})


ZOOM = Provider("zoom", verify=_verify, handshake=_handshake)
