"""Payment providers whose webhooks keep billing profiles up to date. Pure.

A new provider is one file with a `PaymentProvider` in it and one line in `PAYMENT_PROVIDERS`. How it signs is for
`app.providers`, which knows it by the same name.
"""

from app.rules.payments.provider import PaymentProvider
from app.rules.payments.stripe import STRIPE
from app.rules.payments.update import Seen, Update, apply

__all__ = ["PAYMENT_PROVIDERS", "PaymentProvider", "Seen", "Update", "apply"]

PAYMENT_PROVIDERS = {provider.name: provider for provider in (STRIPE,)}
