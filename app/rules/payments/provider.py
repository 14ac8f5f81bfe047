"""What every payment provider offers to the one place that takes its webhooks."""

import re
from dataclasses import dataclass

from app.rules.payments.update import Read


@dataclass(frozen=True, slots=True)
class PaymentProvider:
    """A payment provider."""

    name: str

    secret: re.Pattern[str]
    """What the secret looks like that signs its webhooks."""

    read: Read
