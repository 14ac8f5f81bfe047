"""Events of a payment provider come more than once and in any order; the newest of each field counts."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers import find_provider
from app.rules.billing import Profile
from app.rules.payments import PAYMENT_PROVIDERS, Seen, Update, apply


def update(at: int, name: str = "", **members: Any) -> Update:
    return Update(name or f"evt_{at}", at, "cus_1", members)


def apply_all(updates: list[Update]) -> Profile:
    profile, seen = Profile(), dict[str, Any]()
    for one in updates:
        result: tuple[Profile, Seen] = apply(one, profile, seen=seen)
        profile, seen = result[0], dict(result[1])
    return profile


def test_an_older_event_changes_nothing_that_a_newer_one_has_spoken_of() -> None:
    updates = [update(1, plan="team"), update(2, plan="scale"), update(3, company="Northwind Paper")]
    for order in itertools.permutations(updates):
        assert apply_all(list(order)) == Profile(plan="scale", company="Northwind Paper")


def test_a_repeated_event_does_not_undo_what_a_person_has_changed_since() -> None:
    first = update(5, plan="team")
    profile, seen = apply(first, Profile(), seen={})
    by_hand = profile.with_members({"plan": "scale"})
    assert apply(first, by_hand, seen=seen) == (by_hand, seen)


def test_of_two_events_in_the_same_second_the_one_that_came_last_counts() -> None:
    assert apply_all([update(5, "evt_a", plan="team"), update(5, "evt_b", plan="scale")]).plan == "scale"


@pytest.mark.parametrize("value", [None, "team"])
def test_an_event_that_changes_nothing_counts_as_seen(value: str | None) -> None:
    before = Profile(plan=value or "free")
    assert apply(update(5, plan=value), before, seen={}) == (before, {"plan": {"at": 5, "event": "evt_5"}})


@pytest.mark.parametrize("name", PAYMENT_PROVIDERS)
def test_every_payment_provider_is_one_whose_signatures_are_known(name: str) -> None:
    assert find_provider(name).name == name


@given(st.data())
def test_the_order_in_which_events_come_does_not_matter(data: st.DataObject) -> None:
    values = {"plan": ["team", "scale"], "company": ["A", "B", None], "currency": ["EUR", "GBP", None]}
    updates = [
        update(at, **{name: data.draw(st.sampled_from(values[name])) for name in chosen})
        for at, chosen in enumerate(
            data.draw(st.lists(st.sets(st.sampled_from(sorted(values)), min_size=1), max_size=6))
        )
    ]
    repeated = updates + data.draw(st.lists(st.sampled_from(updates), max_size=4) if updates else st.just([]))
    assert apply_all(data.draw(st.permutations(repeated))) == apply_all(updates)
