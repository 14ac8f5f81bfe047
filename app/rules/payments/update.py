"""What an event of a payment provider says about a billing profile."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from app.rules.billing import BillingStatus, Profile


@dataclass(frozen=True, slots=True)
class Update:
    """New values for some fields of the profile of one of the provider's customers."""

    event_id: str

    at: int
    """The provider's time of the event, in Unix seconds."""

    customer: str | None

    members: Mapping[str, Any]
    """Values by field. None is what a new workspace has."""

    only_from: Set[BillingStatus] = field(default_factory=lambda: frozenset(BillingStatus))
    """The statuses in which it says anything at all."""


Read = Callable[[Mapping[str, Any]], Update | None]
"""From the parsed body of a webhook to what it says; None if nothing. Never raises, whatever the body holds."""

Seen = Mapping[str, Mapping[str, Any]]
"""For each field the newest event that spoke of it: `{"at": Unix seconds, "event": id}`."""


def apply(update: Update, profile: Profile, *, seen: Seen) -> tuple[Profile, Seen]:
    """Return the profile after an update, and what has been seen then.

    Events come more than once, and in any order. Of each field the newest event that spoke of it counts; of two in
    the same second, the one that came last.
    """
    if profile.status not in update.only_from:
        return profile, seen
    fresh = {name: value for name, value in update.members.items() if _is_fresh(update, seen.get(name))}
    mark = {"at": update.at, "event": update.event_id}
    return profile.with_members(fresh), {**seen, **dict.fromkeys(fresh, mark)}


def _is_fresh(update: Update, newest: Mapping[str, Any] | None) -> bool:
    if newest is None or update.at > newest["at"]:
        return True
    return bool(update.at == newest["at"] and update.event_id != newest["event"])
