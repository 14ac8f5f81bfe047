"""Meta: Facebook, Instagram, Messenger and WhatsApp.

Events are signed with the app secret. The URL is tried out with a verify token that the author makes
up and that travels in a query, where logs may keep it; so the secret here is either `APP_SECRET:TOKEN`,
or, for those who accept that, one text for both. App secrets are hexadecimal and have no colon.

Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from collections.abc import Sequence
from datetime import datetime

from app.providers.body_signatures import verify_body
from app.providers.checks import hub_digest, is_same_text, keys_of
from app.providers.handshakes import reflect_text
from app.providers.provider import Answer, Provider, SignedRequest

_verify_body = verify_body("X-Hub-Signature-256", hub_digest)


def _verify(
    request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
) -> str | None:
    app_secrets = [secret.partition(":")[0] for secret in secrets]
    return _verify_body(request, secrets=app_secrets, tolerance_seconds=tolerance_seconds, now=now)


def _handshake(request: SignedRequest, *, secret: str | None, now: datetime) -> Answer | None:
    if secret is None or request.method != "GET" or request.query.get("hub.mode") != "subscribe":
        return None
    app_secret, colon, token = secret.partition(":")
    given = request.query.get("hub.verify_token", "")
    if not any(is_same_text(given, key) for key in keys_of([token if colon else app_secret])):
        return None
    return reflect_text(request.query.get("hub.challenge"))


META = Provider("meta", verify=_verify, handshake=_handshake)
