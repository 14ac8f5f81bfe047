"""X, formerly Twitter, and the challenge (`crc_token`) with which it tries out a URL every hour.

The answer is an HMAC of the token under the very key that signs events, and nothing proves who asks:
anybody can have a token signed. So a token is of characters that no event does without, and a body
that could be a token proves nothing, however well it is signed.

Source: https://docs.x.com/x-api/webhooks/introduction
"""

import re
from collections.abc import Sequence
from datetime import datetime

from app.providers.body_signatures import verify_body
from app.providers.checks import base64_digest, keys_of
from app.providers.handshakes import answer_json
from app.providers.provider import Answer, Provider, SignedRequest

_TOKEN = re.compile(r"[A-Za-z0-9+/=_.~-]{1,256}")  # Those of X are UUIDs and base64.


def _spell(key: bytes, content: bytes) -> bytes:
    return b"sha256=" + base64_digest(key, content)


_verify_body = verify_body("X-Twitter-Webhooks-Signature", _spell)


def _verify(
    request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
) -> str | None:
    if _TOKEN.fullmatch(request.body.decode("latin-1")):
        return "the body could be a crc_token, whose signature anybody can get"
    return _verify_body(request, secrets=secrets, tolerance_seconds=tolerance_seconds, now=now)


def _handshake(request: SignedRequest, *, secret: str | None, now: datetime) -> Answer | None:
    token = request.query.get("crc_token", "")
    if not secret or request.method != "GET" or not _TOKEN.fullmatch(token):
        return None
    (key,) = keys_of([secret])
    return answer_json({"response_token": _spell(key, token.encode()).decode()})


X = Provider("x", verify=_verify, handshake=_handshake)
