"""Shopify.

Source: https://shopify.dev/docs/apps/build/webhooks/subscribe/https
"""

from app.providers.body_signatures import verify_body
from app.providers.checks import base64_digest
from app.providers.provider import Provider

SHOPIFY = Provider("shopify", verify=verify_body("X-Shopify-Hmac-Sha256", base64_digest))
