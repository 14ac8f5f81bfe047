"""The type that tells when the billing profile of a workspace changes."""

from typing import Literal

from pydantic import Field

from app.catalogue.event_type import EventType
from app.catalogue.payload import Changes, Identifier, Payload


class Billing(Payload):
    """The billing profile of a workspace after the change."""

    id: Identifier = Field(description="The workspace's id: it has one billing profile.")
    name: str = Field(description="The company, else the name of the workspace.")
    plan: str
    status: Literal["trialing", "active", "past_due", "cancelled"]
    billing_email: str | None
    company: str | None
    address: str | None
    tax_id: str | None = Field(description="Masked but for its end.")
    currency: str | None


class BillingUpdated(Payload):
    """Billing information changed."""

    billing: Billing
    changes: Changes = Field(description="The fields that changed; a tax id is masked here too.")


TYPES = (
    EventType(
        "billing.updated",
        description="The billing information of the workspace changed.",
        model=BillingUpdated,
        example={
            "billing": {
                "id": "ws_0198c79c33d57b1e8c6af94d02e75b83",
                "name": "Northwind Paper",
                "plan": "team",
                "status": "active",
                "billing_email": "accounts@northwind-paper.example",
                "company": "Northwind Paper",
                "address": "12 Mill Lane, Bristol",
                "tax_id": "****4821",
                "currency": "GBP",
            },
            "changes": {
                "plan": {"from": "starter", "to": "team"},
                "tax_id": {"from": None, "to": "****4821"},
            },
        },
    ),
)
