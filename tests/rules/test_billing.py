"""What a billing profile may hold, and what changed between two of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules import billing
from app.rules.billing import BillingStatus, Profile, changes_between, mask_tax_id, shown

profiles = st.builds(
    Profile,
    plan=st.sampled_from(["free", "team"]),
    status=st.sampled_from(BillingStatus),
    company=st.sampled_from([None, "Northwind Paper"]),
    tax_id=st.none() | st.from_regex(billing._TAX_ID, fullmatch=True),
    currency=st.sampled_from([None, "EUR"]),
)


@pytest.mark.parametrize(
    ("is_allowed", "text"),
    [
        (billing.is_plan, "free"),
        (billing.is_plan, "Team, yearly (2026)"),
        (billing.is_plan, "x" * 100),
        (billing.is_email, "accounts@example.com"),
        (billing.is_email, "O'Brien+bills@bills.example"),
        (billing.is_company, "Müller & Söhne GmbH 🦉"),
        (billing.is_address, "12 Mill Lane"),
        (billing.is_address, "12 Mill Lane\nBS1 4ST Bristol\nGB"),
        (billing.is_tax_id, "DE123456789"),
        (billing.is_tax_id, "12-3456789/A 1.2"),
        (billing.is_currency, "EUR"),
    ],
)
def test_values_that_real_companies_have_are_allowed(is_allowed: Callable[[str], bool], text: str) -> None:
    assert is_allowed(text)


@pytest.mark.parametrize(
    ("is_allowed", "text"),
    [
        (billing.is_plan, ""),
        (billing.is_plan, " team"),
        (billing.is_plan, "team\n"),
        (billing.is_plan, "two\u2028lines"),
        (billing.is_plan, "x" * 101),
        (billing.is_email, "accounts"),
        (billing.is_email, "a@example.com\r\nBcc: b@example.com"),
        (billing.is_company, "x" * 201),
        (billing.is_company, "North\0wind"),
        (billing.is_address, "12 Mill Lane\n\nBristol"),
        (billing.is_address, "12 Mill Lane\r\nBristol"),
        (billing.is_address, "x" * 501),
        (billing.is_tax_id, "-1"),
        (billing.is_tax_id, "DE1234_"),
        (billing.is_tax_id, "١٢٣"),
        (billing.is_tax_id, "1" * 65),
        (billing.is_currency, "eur"),
        (billing.is_currency, "EURO"),
        (billing.is_currency, "EUR\n"),
    ],
)
def test_other_values_are_refused(is_allowed: Callable[[str], bool], text: str) -> None:
    assert not is_allowed(text)


@pytest.mark.parametrize(
    ("tax_id", "masked"),
    [(None, None), ("GB123454821", "****4821"), ("12345678", "****5678"), ("1234567", "****"), ("1", "****")],
)
def test_a_tax_id_shows_its_end_if_it_is_long_enough(tax_id: str | None, masked: str | None) -> None:
    assert mask_tax_id(tax_id) == masked


def test_a_member_that_is_none_becomes_what_a_new_workspace_has() -> None:
    before = Profile(plan="team", status=BillingStatus.PAST_DUE, company="Northwind Paper", currency="GBP")
    assert before.with_members({"plan": None, "status": None, "company": None}) == Profile(currency="GBP")


def test_two_tax_ids_that_look_alike_when_masked_are_a_change() -> None:
    changes = changes_between(Profile(tax_id="GB111114821"), Profile(tax_id="GB222224821"))
    assert changes == {"tax_id": {"from": "****4821", "to": "****4821"}}


@given(profiles, profiles)
def test_changes_name_each_field_that_differs_with_what_is_shown_of_it(
    before: Profile, after: Profile
) -> None:
    changes = changes_between(before, after)
    assert set(changes) == {name for name in billing.FIELDS if getattr(before, name) != getattr(after, name)}
    for name, change in changes.items():
        assert change == {"from": shown(before)[name], "to": shown(after)[name]}


@given(profiles)
def test_a_profile_given_its_own_members_has_no_changes(profile: Profile) -> None:
    members: dict[str, Any] = {name: getattr(profile, name) for name in billing.FIELDS}
    assert changes_between(profile, profile.with_members(members)) == {}
