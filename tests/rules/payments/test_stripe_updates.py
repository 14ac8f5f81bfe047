"""What Stripe's events say about a billing profile."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules import billing
from app.rules.billing import BillingStatus, Profile
from app.rules.payments import PAYMENT_PROVIDERS, apply
from tests.stripe_events import CUSTOMER, customer, event, invoice, subscription

STRIPE = PAYMENT_PROVIDERS["stripe"]

CHECKS = {
    "plan": billing.is_plan,
    "billing_email": billing.is_email,
    "company": billing.is_company,
    "address": billing.is_address,
    "tax_id": billing.is_tax_id,
    "currency": billing.is_currency,
}


def members_of(kind: str, subject: dict[str, Any]) -> dict[str, Any]:
    update = STRIPE.read(event(kind, subject))
    return {} if update is None else dict(update.members)


def priced(**price: Any) -> dict[str, Any]:
    return subscription(items={"data": [{"price": {"id": "price_1", **price}}]})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("trialing", "trialing"),
        ("active", "active"),
        ("past_due", "past_due"),
        ("unpaid", "past_due"),
        ("incomplete", "past_due"),
        ("paused", "past_due"),
        ("incomplete_expired", "cancelled"),
        ("canceled", "cancelled"),
    ],
)
def test_each_status_of_a_subscription_is_one_of_ours(theirs: str, ours: str) -> None:
    told = members_of("customer.subscription.updated", subscription(theirs))
    assert told == {"plan": "team", "status": ours, "currency": "GBP"}


def test_a_status_that_is_not_known_changes_none() -> None:
    told = members_of("customer.subscription.created", subscription("hibernating"))
    assert told == {"plan": "team", "currency": "GBP"}


@pytest.mark.parametrize(
    ("subject", "plan"),
    [
        (priced(nickname="Team", lookup_key="team_monthly", product="prod_1"), "Team"),
        (priced(nickname=None, lookup_key="team_monthly", product="prod_1"), "team_monthly"),
        (priced(nickname=" ", product={"id": "prod_1", "name": "Team plan"}), "Team plan"),
        (priced(product={"id": "prod_1"}), "prod_1"),
        (priced(product="prod_1"), "prod_1"),
        (priced(nickname="x" * 101), "price_1"),
        (subscription(items={"data": [{"plan": {"id": "plan_1", "nickname": "Old"}}]}), "Old"),
        (subscription(items=None, plan={"id": "plan_1"}), "plan_1"),
        (subscription(items={"data": []}), None),
    ],
)
def test_the_plan_is_what_people_call_the_price(subject: dict[str, Any], plan: str | None) -> None:
    assert members_of("customer.subscription.updated", subject).get("plan") == plan


@pytest.mark.parametrize("kind", ["customer.created", "customer.updated"])
def test_a_customer_tells_who_pays_and_where(kind: str) -> None:
    told = members_of(kind, customer(tax_ids={"data": [{"type": "gb_vat", "value": "GB123454821"}]}))
    assert told == {
        "billing_email": "accounts@northwind-paper.example",
        "company": "Northwind Paper",
        "address": "12 Mill Lane\nBS1 4ST Bristol\nGB",
        "tax_id": "GB123454821",
    }


def test_what_a_customer_has_no_more_is_gone() -> None:
    told = members_of("customer.updated", customer(email=None, name="", address=None))
    assert told == {"billing_email": None, "company": None, "address": None}


def test_what_does_not_fit_is_left_as_it_is() -> None:
    unfit = customer(email="nobody", name="x" * 201, address={"line1": "a\tb"})
    assert members_of("customer.updated", unfit) == {}


@pytest.mark.parametrize("kind", ["customer.tax_id.created", "customer.tax_id.updated"])
def test_a_tax_id_comes_by_itself(kind: str) -> None:
    update = STRIPE.read(event(kind, {"object": "tax_id", "customer": CUSTOMER, "value": "GB123454821"}))
    assert update is not None
    assert (update.members, update.customer) == ({"tax_id": "GB123454821"}, CUSTOMER)


@pytest.mark.parametrize(
    ("kind", "subject", "before", "after"),
    [
        ("invoice.payment_failed", invoice(), "active", "past_due"),
        ("invoice.payment_failed", invoice(), "trialing", "past_due"),
        ("invoice.payment_failed", invoice(), "cancelled", "cancelled"),
        ("invoice.paid", invoice(), "past_due", "active"),
        ("invoice.paid", invoice(amount_paid=0), "trialing", "trialing"),
        ("invoice.paid", invoice(), "cancelled", "cancelled"),
        ("customer.subscription.deleted", subscription("canceled"), "active", "cancelled"),
    ],
)
def test_invoices_and_the_end_of_a_subscription_change_the_status(
    kind: str, subject: dict[str, Any], before: str, after: str
) -> None:
    update = STRIPE.read(event(kind, subject))
    assert update is not None
    assert apply(update, Profile(status=BillingStatus(before)), seen={})[0] == Profile(
        status=BillingStatus(after)
    )


@pytest.mark.parametrize(
    ("subject", "identifier"),
    [
        (customer(), CUSTOMER),
        (customer(id=5), None),
        (subscription(customer={"id": "cus_2", "object": "customer"}), "cus_2"),
        (subscription(customer=None), None),
    ],
)
def test_the_customer_is_named_or_spelt_out(subject: dict[str, Any], identifier: str | None) -> None:
    kind = "customer.updated" if subject["object"] == "customer" else "customer.subscription.updated"
    update = STRIPE.read(event(kind, subject))
    assert update is not None
    assert update.customer == identifier


@pytest.mark.parametrize(
    "told",
    [
        {},
        event("charge.succeeded", {"object": "charge", "customer": CUSTOMER}),
        event("customer.deleted", customer()),
        {**event("customer.updated", customer()), "created": "1790000000"},
        {**event("customer.updated", customer()), "created": True},
        {**event("customer.updated", customer()), "id": None},
        {**event("customer.updated", customer()), "data": []},
        {**event("customer.updated", customer()), "type": ["customer.updated"]},
    ],
)
def test_other_events_say_nothing(told: dict[str, Any]) -> None:
    assert STRIPE.read(told) is None


SUBSCRIPTIONS = "object items data price plan nickname product id status currency customer"
CUSTOMERS = "object id email name address line1 city tax_ids data value"
names = st.sampled_from([*SUBSCRIPTIONS.split(), *CUSTOMERS.split()])
objects = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["active", "usd"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
kinds = st.sampled_from(
    ["customer.updated", "customer.subscription.updated", "customer.tax_id.created", "invoice.paid"]
)


@given(kinds, objects)
def test_whatever_an_object_holds_only_what_fits_is_taken(kind: str, subject: Any) -> None:
    update = STRIPE.read({**event(kind, {}), "data": {"object": subject}})
    for name, value in () if update is None else update.members.items():
        if name == "status":
            assert isinstance(value, BillingStatus)
        else:
            assert value is None or CHECKS[name](value)
