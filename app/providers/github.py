"""GitHub. Its `ping` is an ordinary signed delivery, so there is no handshake.

Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from app.providers.body_signatures import verify_body
from app.providers.checks import hub_digest
from app.providers.provider import Provider

GITHUB = Provider("github", verify=verify_body("X-Hub-Signature-256", hub_digest))
