"""What Stripe's events say about a billing profile.

Source: https://docs.stripe.com/api/events/types, with the objects of subscriptions, invoices, customers and tax ids.
Other versions of Stripe's API may shape an object otherwise: what is not there, or does not fit, is left as it is.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from app.rules import billing
from app.rules.billing import BillingStatus
from app.rules.payments.provider import PaymentProvider
from app.rules.payments.update import Update

_SUBSCRIPTION_STATUSES = {
    "trialing": BillingStatus.TRIALING,
    "active": BillingStatus.ACTIVE,
    "past_due": BillingStatus.PAST_DUE,
    "unpaid": BillingStatus.PAST_DUE,
    # The first payment is not there yet, or a trial has ended without any means to pay.
    "incomplete": BillingStatus.PAST_DUE,
    "paused": BillingStatus.PAST_DUE,
    "incomplete_expired": BillingStatus.CANCELLED,
    "canceled": BillingStatus.CANCELLED,
}

_MOST_ID_CHARACTERS = 255

_Members = dict[str, Any]


def _read(event: Mapping[str, Any]) -> Update | None:
    kind, identifier, created = event.get("type"), event.get("id"), event.get("created")
    subject = _object(_object(event.get("data")).get("object"))
    if not _is_id(identifier) or type(created) is not int:
        return None
    read = _READERS.get(kind) if isinstance(kind, str) else None
    members = read(subject) if read else {}
    if not members:
        return None
    customer = _id_of(subject if subject.get("object") == "customer" else subject.get("customer"))
    only_from = _ONLY_FROM.get(str(kind), frozenset(BillingStatus))
    return Update(str(identifier), created, customer, members, only_from)


def _read_subscription(subscription: Mapping[str, Any]) -> _Members:
    return {
        **_plan_of(subscription),
        **_status_of(subscription),
        **_fitting("currency", _upper(subscription.get("currency")), billing.is_currency),
    }


def _read_end(subscription: Mapping[str, Any]) -> _Members:
    return {"status": BillingStatus.CANCELLED}


def _read_failure(invoice: Mapping[str, Any]) -> _Members:
    return {"status": BillingStatus.PAST_DUE}


def _read_payment(invoice: Mapping[str, Any]) -> _Members:
    return {"status": BillingStatus.ACTIVE}


def _read_customer(customer: Mapping[str, Any]) -> _Members:
    tax_ids = _object(customer.get("tax_ids")).get("data")
    return {
        **_clearable("billing_email", customer, "email", billing.is_email),
        **_clearable("company", customer, "name", billing.is_company),
        **_address_of(customer),
        # Only there when somebody asked for the customer with them.
        **(_read_tax_id(_object(tax_ids[0])) if isinstance(tax_ids, list) and tax_ids else {}),
    }


def _read_tax_id(tax_id: Mapping[str, Any]) -> _Members:
    return _fitting("tax_id", tax_id.get("value"), billing.is_tax_id)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], _Members]] = {
    "customer.created": _read_customer,
    "customer.updated": _read_customer,
    "customer.tax_id.created": _read_tax_id,
    "customer.tax_id.updated": _read_tax_id,
    "customer.subscription.created": _read_subscription,
    "customer.subscription.updated": _read_subscription,
    "customer.subscription.paused": _read_subscription,
    "customer.subscription.resumed": _read_subscription,
    "customer.subscription.deleted": _read_end,
    "invoice.payment_failed": _read_failure,
    "invoice.paid": _read_payment,
}

_ONLY_FROM = {
    # A last bill that is settled, or not, brings no cancelled subscription back; and a trial begins with an invoice
    # over nothing, which counts as paid.
    "invoice.paid": frozenset({BillingStatus.PAST_DUE}),
    "invoice.payment_failed": frozenset({BillingStatus.TRIALING, BillingStatus.ACTIVE}),
}


def _plan_of(subscription: Mapping[str, Any]) -> _Members:
    """Return what people call the price: its nickname, its look-up key, the product's name or, at last, an id."""
    items = _object(subscription.get("items")).get("data")
    item = _object(items[0]) if isinstance(items, list) and items else {}
    # Before prices there were plans, which old versions of the API have at the subscription itself.
    price = _object(item.get("price")) or _object(item.get("plan")) or _object(subscription.get("plan"))
    product = price.get("product")
    names = [
        price.get("nickname"),
        price.get("lookup_key"),
        _object(product).get("name"),
        _id_of(product),
        price.get("id"),
    ]
    return next((found for name in names if (found := _fitting("plan", name, billing.is_plan))), {})


def _status_of(subscription: Mapping[str, Any]) -> _Members:
    status = _SUBSCRIPTION_STATUSES.get(str(subscription.get("status")))
    return {} if status is None else {"status": status}


def _address_of(customer: Mapping[str, Any]) -> _Members:
    if "address" not in customer:
        return {}
    parts = _object(customer["address"])
    lines = [
        [parts.get("line1")],
        [parts.get("line2")],
        [parts.get("postal_code"), parts.get("city")],
        [parts.get("state")],
        [parts.get("country")],
    ]
    written = [" ".join(part.strip() for part in line if isinstance(part, str)).strip() for line in lines]
    address = "\n".join(line for line in written if line)
    return _fitting("address", address, billing.is_address) if address else {"address": None}


def _clearable(
    field: str, subject: Mapping[str, Any], name: str, fits: Callable[[str], bool]
) -> dict[str, str | None]:
    """Return the new value of a field that the provider can also have taken away."""
    if name in subject and subject[name] in (None, ""):
        return {field: None}
    return _fitting(field, subject.get(name), fits)


def _fitting(field: str, value: Any, fits: Callable[[str], bool]) -> dict[str, str | None]:
    text = value.strip() if isinstance(value, str) else ""
    return {field: text} if text and fits(text) else {}


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _id_of(value: Any) -> str | None:
    """Return the id of an object that stands for itself or is spelt out."""
    identifier = value.get("id") if isinstance(value, Mapping) else value
    return identifier if _is_id(identifier) else None


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MOST_ID_CHARACTERS


STRIPE = PaymentProvider("stripe", secret=re.compile(r"whsec_[!-~]{16,250}"), read=_read)
