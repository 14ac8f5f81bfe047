"""Names of event types, and the patterns that endpoints subscribe with.

A name has at least two parts, `invoice.paid`. A pattern is a name, `*`, or a name whose last part is
`*`: `invoice.*` takes `invoice.paid` and `invoice.line.added`, but not a type called `invoice`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

# The families of the built-in types. Nobody else may add names below them, so that a receiver can
# trust `workflow.failed` to come from the service.
RESERVED_PREFIXES = frozenset({"workflow", "integration", "user", "billing", "endpoint"})

_EVERYTHING = "*"
_LENGTH_LIMIT = 128
_NAME = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")
_WILDCARD = re.compile(r"(?:[a-z0-9_]+\.)+\*")


def is_type_name(text: str) -> bool:
    """Whether an event type may be called so."""
    return len(text) <= _LENGTH_LIMIT and _NAME.fullmatch(text) is not None


def is_pattern(text: str) -> bool:
    """Whether an endpoint may subscribe with it."""
    if text == _EVERYTHING or is_type_name(text):
        return True
    return len(text) <= _LENGTH_LIMIT and _WILDCARD.fullmatch(text) is not None


def is_reserved(name: str) -> bool:
    """Whether the name lies in a built-in family; it may still be one of the built-in types itself."""
    return name.partition(".")[0] in RESERVED_PREFIXES


@dataclass(frozen=True, slots=True)
class Subscription:
    """A list of patterns made ready for matching, which happens for every endpoint and event."""

    takes_all: bool
    names: frozenset[str]
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, patterns: Iterable[str] | None) -> Self:
        """From patterns that `is_pattern` accepts; None and an empty list subscribe to everything."""
        given = frozenset(patterns or ())
        wildcards = {pattern for pattern in given if pattern.endswith(".*")}
        return cls(
            takes_all=not given or _EVERYTHING in given,
            names=given - wildcards,
            # The dot stays, so that `invoice.*` does not take `invoices.sent`.
            prefixes=tuple(sorted(pattern[:-1] for pattern in wildcards)),
        )

    def matches(self, type_name: str) -> bool:
        """Whether an event of this type, a name that `is_type_name` accepts, is subscribed to."""
        return self.takes_all or type_name in self.names or type_name.startswith(self.prefixes)
