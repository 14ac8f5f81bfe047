"""Microsoft Graph: change notifications, which carry a shared word instead of a signature.

Each notification in the body holds the `clientState` that the author gave when subscribing, which is
the secret here. It shows that the sender knows the word; that nothing was changed on the way is for
TLS to promise. The tokens of notifications with resource data are not looked at.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from app.providers.checks import NO_SECRET, is_same_text, keys_of
from app.providers.handshakes import reflect_text
from app.providers.provider import Answer, Provider, SignedRequest


def _verify(
    request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
) -> str | None:
    keys = keys_of(secrets)
    if not keys:
        return NO_SECRET
    notifications = _notifications(request.body)
    if not notifications:
        return "the body holds no change notifications"
    # One stranger among them spoils all, because the handler gets the body as a whole.
    if not all(_knows_the_word(notification, keys) for notification in notifications):
        return "clientState does not fit"
    return None


def _notifications(body: bytes) -> list[Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    notifications = content.get("value") if isinstance(content, dict) else None
    return notifications if isinstance(notifications, list) else []


def _knows_the_word(notification: object, keys: list[bytes]) -> bool:
    word = notification.get("clientState") if isinstance(notification, dict) else None
    return isinstance(word, str) and any(is_same_text(word, key) for key in keys)


def _handshake(request: SignedRequest, *, secret: str | None, now: datetime) -> Answer | None:
    # Without a body: a notification must not vanish because of what its URL says.
    if request.method != "POST" or request.body:
        return None
    return reflect_text(request.query.get("validationToken"))


MICROSOFT_GRAPH = Provider("microsoft_graph", verify=_verify, handshake=_handshake)
