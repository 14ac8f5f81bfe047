"""Discord: an Ed25519 signature over time and body, under the public key of the application.

The "secret" is that public key, 64 hexadecimal digits. Discord tries a URL out with wrong signatures
too, and drops one that takes them; the refusal is `verify`'s.

Sources: https://docs.discord.com/developers/interactions/overview,
https://docs.discord.com/developers/events/webhook-events
"""

import re
from collections.abc import Sequence
from datetime import datetime

from app.providers.checks import NO_SECRET, is_unix_time, judge_age, read_header
from app.providers.ed25519 import is_signed_by
from app.providers.handshakes import TOLERANCE_SECONDS, answer_json, answer_no_content, parse_setup
from app.providers.provider import Answer, Provider, SignedRequest

_SIGNATURE, _TIMESTAMP = "X-Signature-Ed25519", "X-Signature-Timestamp"

_PUBLIC_KEY = re.compile(r"[0-9A-Fa-f]{64}")  # 32 bytes.
_SIGNATURE_TEXT = re.compile(r"[0-9a-f]{128}")  # 64 bytes, in the one spelling that Discord uses.

# An interaction of type 1 is a ping, which wants a pong. Webhook events count otherwise: there 0 is a
# ping, and 1 is an event, told apart by its member `event`.
_INTERACTION_PING, _EVENT_PING = 1, 0


def _verify(
    request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
) -> str | None:
    keys = [bytes.fromhex(secret) for secret in secrets if _PUBLIC_KEY.fullmatch(secret)]
    if not keys:
        return NO_SECRET
    given, timestamp = read_header(request, _SIGNATURE), read_header(request, _TIMESTAMP)
    if given is None or timestamp is None:
        return f"{_SIGNATURE} or {_TIMESTAMP} is missing"
    if not _SIGNATURE_TEXT.fullmatch(given) or not is_unix_time(timestamp):
        return f"{_SIGNATURE} or {_TIMESTAMP} is malformed"
    content, signature = timestamp.encode() + request.body, bytes.fromhex(given)
    if not any(is_signed_by(key, content, signature=signature) for key in keys):
        return f"{_SIGNATURE} does not fit"
    return judge_age(timestamp, tolerance_seconds=tolerance_seconds, now=now)


def _handshake(request: SignedRequest, *, secret: str | None, now: datetime) -> Answer | None:
    setup = parse_setup(request)
    # True equals 1, hence the look at the type.
    if setup is None or type(setup.get("type")) is not int:
        return None
    if setup["type"] not in (_INTERACTION_PING, _EVENT_PING) or "event" in setup:
        return None
    if _verify(request, secrets=[secret or ""], tolerance_seconds=TOLERANCE_SECONDS, now=now):
        return None
    return answer_json({"type": 1}) if setup["type"] == _INTERACTION_PING else answer_no_content()


DISCORD = Provider("discord", verify=_verify, handshake=_handshake)
