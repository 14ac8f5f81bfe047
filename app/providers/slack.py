"""Slack, and the `url_verification` with which it tries out the URL of an app.

Sources: https://docs.slack.dev/authentication/verifying-requests-from-slack,
https://docs.slack.dev/reference/events/url_verification
"""

from datetime import datetime

from app.providers.handshakes import TOLERANCE_SECONDS, parse_setup, reflect_text
from app.providers.provider import Answer, Provider, SignedRequest
from app.providers.stamped_signatures import verify_stamped_body

_verify = verify_stamped_body("X-Slack-Signature", "X-Slack-Request-Timestamp")


def _handshake(request: SignedRequest, *, secret: str | None, now: datetime) -> Answer | None:
    setup = parse_setup(request)
    if setup is None or setup.get("type") != "url_verification":
        return None
    if _verify(request, secrets=[secret or ""], tolerance_seconds=TOLERANCE_SECONDS, now=now):
        return None
    return reflect_text(setup.get("challenge"))


SLACK = Provider("slack", verify=_verify, handshake=_handshake)
