"""Webhooks from both sides: check what arrives, publish what happened.

Receivers use `Webhook(secret).verify(body, headers)`. Publishers and operators use
`Client(url, key)`, whose failures are all `ApiError`. `aetherflow.webhooks.testing` makes signed
requests for a receiver's own tests.
"""

from aetherflow.webhooks.api_errors import (
    ApiError,
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
)
from aetherflow.webhooks.client import Client
from aetherflow.webhooks.pages import Page
from aetherflow.webhooks.response import Response
from aetherflow.webhooks.verification import Webhook, verify_signature
from aetherflow.webhooks.verification_error import Reason, WebhookVerificationError

__all__ = [
    "ApiError",
    "Client",
    "ConflictError",
    "FieldError",
    "ForbiddenError",
    "InvalidError",
    "NotFoundError",
    "Page",
    "RateLimitedError",
    "Reason",
    "Response",
    "UnauthenticatedError",
    "UnavailableError",
    "UnreachableError",
    "Webhook",
    "WebhookVerificationError",
    "verify_signature",
]
