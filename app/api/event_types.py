"""What requests may call event types, and what they are warned of."""

from collections.abc import Iterable
from typing import Any

from app import catalogue
from app.errors import Invalid, Problem, ReservedEventType
from app.rules.event_types import is_reserved, is_type_name


def check_type_name(name: Any, path: str) -> list[Problem]:
    """Return what is wrong with the name of a type; `path` is the JSON pointer to it."""
    if not isinstance(name, str) or not is_type_name(name):
        return [Problem(path, "must be a dotted name of a-z, 0-9 and _, such as invoice.paid")]
    if is_reserved(name) and catalogue.find(name) is None:
        return [Problem(path, "has a reserved prefix and is no built-in type", ReservedEventType.code)]
    return []


def refuse(problems: list[Problem]) -> None:
    """Raise what a request is refused with, if anything is wrong with it.

    Raises:
        ReservedEventType: nothing else is wrong.
        Invalid: something is.
    """
    if problems and all(problem.code == ReservedEventType.code for problem in problems):
        raise ReservedEventType(problems=problems)
    if problems:
        raise Invalid(problems=problems)


def warn_of_undeclared(names: Iterable[str]) -> list[str]:
    """Return a warning for each type that nobody has declared: it may be a slip of the pen."""
    return [f"The event type {name} is not declared." for name in sorted(names) if not catalogue.find(name)]
