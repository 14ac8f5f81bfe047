"""The billing profile and the payment provider, as the API shows and takes them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field

from app.api.bodies import Input
from app.rules import billing
from app.rules.billing import BillingStatus
from app.rules.payments import PAYMENT_PROVIDERS
from app.workspaces.billing import Account
from app.workspaces.payments import Payments


def fits(predicate: Callable[[str], bool], what: str) -> AfterValidator:
    """Return the check of a text by a rule; `what` says what it must be."""

    def check(text: str) -> str:
        if not predicate(text):
            raise ValueError(f"must be {what}")
        return text

    return AfterValidator(check)


Plan = Annotated[
    str,
    fits(
        billing.is_plan, f"one line of 1 to {billing.MOST_PLAN_CHARACTERS} characters, no space at its ends"
    ),
    Field(description="What the plan is called; null is `free`."),
]
Status = Annotated[
    BillingStatus, Field(strict=False, description="How the workspace stands; null is `active`.")
]
Email = Annotated[
    str,
    fits(billing.is_email, "an e-mail address, such as accounts@example.com"),
    Field(description="Where bills go."),
]
Company = Annotated[
    str,
    fits(
        billing.is_company,
        f"one line of 1 to {billing.MOST_COMPANY_CHARACTERS} characters, no space at its ends",
    ),
]
Address = Annotated[
    str,
    fits(
        billing.is_address,
        f"lines without an empty one, {billing.MOST_ADDRESS_CHARACTERS} characters at most",
    ),
    Field(description="A postal address; `\\n` between its lines."),
]
TaxId = Annotated[
    str,
    fits(
        billing.is_tax_id,
        f"1 to {billing.MOST_TAX_ID_CHARACTERS} letters and digits, spaces, dots, dashes, slashes between",
    ),
    Field(description="A VAT or other tax number. Only its end is ever shown again."),
]
Currency = Annotated[
    str, fits(billing.is_currency, "three capital letters, such as EUR"), Field(description="ISO 4217.")
]


Provider = Annotated[
    str,
    fits(lambda name: name in PAYMENT_PROVIDERS, f"one of these: {', '.join(PAYMENT_PROVIDERS)}"),
    Field(json_schema_extra={"enum": list(PAYMENT_PROVIDERS)}),
]


class BillingChange(Input):
    """Fields of the billing profile to replace; null resets one."""

    plan: Plan | None = None
    status: Status | None = None
    billing_email: Email | None = None
    company: Company | None = None
    address: Address | None = None
    tax_id: TaxId | None = None
    currency: Currency | None = None


class BillingShown(BaseModel):
    """The billing profile of the workspace."""

    id: Annotated[str, Field(description="The workspace's id: it has one billing profile.")]
    name: Annotated[str, Field(description="The company, else the name of the workspace.")]
    plan: str
    status: BillingStatus
    billing_email: str | None
    company: str | None
    address: str | None
    tax_id: Annotated[str | None, Field(description="Masked but for its end.")]
    currency: str | None
    updated_at: Annotated[datetime | None, Field(description="Null as long as nothing was changed.")]

    @classmethod
    def of(cls, account: Account) -> Self:
        """Show a workspace's profile."""
        return cls(
            id=account.workspace_id,
            name=account.name,
            **billing.shown(account.profile),
            updated_at=account.updated_at,
        )


class PaymentsInput(Input):
    """A payment provider whose webhooks keep the billing profile up to date."""

    provider: Provider
    secret: Annotated[
        str,
        Field(
            description="What the provider signs with; Stripe shows it as the endpoint's signing secret, "
            "`whsec_...`. Sealed at rest and never shown.",
        ),
    ]
    customer: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=255,
            pattern="^[!-~]+$",
            description="The id that the workspace has as a customer of the provider, such as `cus_...`. What is said "
            "about others then changes nothing; null lets every customer's events count.",
        ),
    ] = None


class PaymentsShown(BaseModel):
    """The connected payment provider."""

    provider: str
    url: Annotated[str, Field(description="Where the provider has to send its webhooks.")]
    customer: str | None

    @classmethod
    def of(cls, payments: Payments, base: str) -> Self:
        """Show a workspace's provider; `base` is the address under which triggers are reached."""
        return cls(
            provider=payments.provider,
            url=f"{base.rstrip('/')}/payments/{payments.slug}",
            customer=payments.customer,
        )
