"""Check what arrives: `Webhook(secret).verify(body, headers)`.

`aetherflow.webhooks.testing` makes signed requests for a receiver's own tests.
"""

from aetherflow.webhooks.verification import Webhook, verify_signature
from aetherflow.webhooks.verification_error import Reason, WebhookVerificationError

__all__ = ["Reason", "Webhook", "WebhookVerificationError", "verify_signature"]
