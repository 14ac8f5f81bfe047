"""What a billing profile may hold, and what changed between two of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from app.rules.emails import read_email
from app.rules.masking import HIDDEN

MOST_PLAN_CHARACTERS = 100
MOST_COMPANY_CHARACTERS = 200
MOST_ADDRESS_CHARACTERS = 500
MOST_TAX_ID_CHARACTERS = 64

# U+2028 and U+2029 are line ends as well.
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_LINE = re.compile(rf"[^\s{_CONTROLS}](?:[^{_CONTROLS}]*[^\s{_CONTROLS}])?")
_TAX_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ./-]*[A-Za-z0-9])?")
_CURRENCY = re.compile(r"[A-Z]{3}")

_SHOWN_AT_END = 4
# With fewer characters, four of them would be too large a part of the id.
_SHORTEST_WITH_END_SHOWN = 8


class BillingStatus(StrEnum):
    """How a workspace stands with what it has to pay."""

    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Profile:
    """The billing profile of a workspace. Of a new workspace it is `Profile()`."""

    plan: str = "free"
    status: BillingStatus = BillingStatus.ACTIVE
    billing_email: str | None = None
    company: str | None = None
    address: str | None = None
    tax_id: str | None = None
    currency: str | None = None

    def with_members(self, members: Mapping[str, Any]) -> "Profile":
        """Return the profile with other values for some fields; None is what a new workspace has."""
        return replace(
            self,
            **{name: getattr(_NEW, name) if value is None else value for name, value in members.items()},
        )


FIELDS = tuple(field.name for field in fields(Profile))

_NEW = Profile()


def changes_between(before: Profile, after: Profile) -> dict[str, dict[str, Any]]:
    """Return `{field: {"from", "to"}}` of each field that differs, as they may be shown.

    Two tax ids that look alike once they are masked differ all the same.
    """
    old, new = shown(before), shown(after)
    return {
        name: {"from": old[name], "to": new[name]}
        for name in FIELDS
        if getattr(before, name) != getattr(after, name)
    }


def shown(profile: Profile) -> dict[str, Any]:
    """Return the fields as receivers and readers get them: the tax id is masked."""
    values = {name: getattr(profile, name) for name in FIELDS}
    return values | {"status": profile.status.value, "tax_id": mask_tax_id(profile.tax_id)}


def mask_tax_id(tax_id: str | None) -> str | None:
    """`****4821`: the last four characters, and none of a short one."""
    if tax_id is None:
        return None
    return HIDDEN + (tax_id[-_SHOWN_AT_END:] if len(tax_id) >= _SHORTEST_WITH_END_SHOWN else "")


def is_plan(text: str) -> bool:
    """Whether a plan may be called so: one line, with no space at its ends."""
    return len(text) <= MOST_PLAN_CHARACTERS and _LINE.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """Whether this can be an address to send bills to. Only sending there would tell whether it is one."""
    try:
        read_email(text)
    except ValueError:
        return False
    return True


def is_company(text: str) -> bool:
    """Whether a company may be called so: one line, with no space at its ends."""
    return len(text) <= MOST_COMPANY_CHARACTERS and _LINE.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Whether this can be a postal address: lines, none of them empty."""
    lines = text.split("\n")
    return len(text) <= MOST_ADDRESS_CHARACTERS and all(_LINE.fullmatch(line) for line in lines)


def is_tax_id(text: str) -> bool:
    """Whether this can be a tax id of some country."""
    return len(text) <= MOST_TAX_ID_CHARACTERS and _TAX_ID.fullmatch(text) is not None


def is_currency(text: str) -> bool:
    """Whether this looks like a currency of ISO 4217."""
    return _CURRENCY.fullmatch(text) is not None
