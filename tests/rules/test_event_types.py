"""Names of event types, and what subscriptions take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.event_types import (
    RESERVED_PREFIXES,
    Subscription,
    is_pattern,
    is_reserved,
    is_type_name,
)

names = st.from_regex(r"[a-c]{1,2}(\.[a-c]{1,2}){1,3}", fullmatch=True)
patterns = names | st.just("*") | st.from_regex(r"([a-c]{1,2}\.){1,3}\*", fullmatch=True)


@pytest.mark.parametrize("text", ["invoice.paid", "a.b.c", "a_1._", "0.1", "a." + "b" * 126])
def test_parts_joined_by_dots_are_a_type_name(text: str) -> None:
    assert is_type_name(text)
    assert is_pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "invoice",
        ".",
        "a.",
        ".a",
        "a..b",
        "A.b",
        "a-b.c",
        "a.b ",
        "a.b\n",
        "ü.a",
        "a.*.b",
        "a." + "b" * 127,
    ],
)
def test_anything_else_is_neither_name_nor_pattern(text: str) -> None:
    assert not is_type_name(text)
    assert not is_pattern(text)


@pytest.mark.parametrize("text", ["*", "invoice.*", "invoice.line.*"])
def test_a_wildcard_may_stand_last_only(text: str) -> None:
    assert is_pattern(text)
    assert not is_type_name(text)


@pytest.mark.parametrize(
    "text", ["**", "*.paid", "*.*", "invoice*", "inv*.paid", "invoice.p*", ".*", "a.*\n", "a" * 127 + ".*"]
)
def test_a_wildcard_elsewhere_is_no_pattern(text: str) -> None:
    assert not is_pattern(text)


@pytest.mark.parametrize("prefix", sorted(RESERVED_PREFIXES))
def test_names_below_a_reserved_prefix_are_reserved(prefix: str) -> None:
    assert is_reserved(f"{prefix}.anything.at_all")
    assert not is_reserved(f"{prefix}s.anything")
    assert not is_reserved(f"my.{prefix}")


def test_the_reserved_prefixes_are_those_of_the_built_in_types() -> None:
    assert {"workflow", "integration", "user", "billing", "endpoint"} == RESERVED_PREFIXES


@pytest.mark.parametrize("given_patterns", [None, [], ["*"], ["a.b", "*"]])
def test_no_patterns_or_a_star_take_everything(given_patterns: list[str] | None) -> None:
    assert Subscription.of(given_patterns).matches("invoice.paid")


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("invoice.paid", "invoice.paid", True),
        ("invoice.paid", "invoice.paid.late", False),
        ("invoice.paid", "invoice.pai", False),
        ("invoice.*", "invoice.paid", True),
        ("invoice.*", "invoice.line.added", True),
        ("invoice.*", "invoices.paid", False),
        ("invoice.*", "my.invoice.paid", False),
        ("invoice.line.*", "invoice.line.added", True),
        ("invoice.line.*", "invoice.line", False),
        ("invoice.line.*", "invoice.paid", False),
    ],
)
def test_a_pattern_takes_its_types(pattern: str, name: str, expected: bool) -> None:
    assert Subscription.of([pattern]).matches(name) is expected


@given(st.lists(patterns, min_size=1, max_size=5), names)
def test_a_subscription_takes_what_one_of_its_patterns_takes(given_patterns: list[str], name: str) -> None:
    def takes(pattern: str) -> bool:
        parts, wanted = name.split("."), pattern.split(".")
        if wanted[-1] != "*":
            return parts == wanted
        return len(parts) >= len(wanted) and parts[: len(wanted) - 1] == wanted[:-1]

    assert Subscription.of(given_patterns).matches(name) == any(map(takes, given_patterns))
