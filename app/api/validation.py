"""What bodies and parameters share: types that take nothing half right, and how a misfit is told."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from app.errors import Problem
from app.rules.times import parse_time

Location = tuple[int | str, ...]

CODES = {"extra_forbidden": "unknown", "missing": "missing"}


def read_moment(value: Any) -> datetime:
    """Return an RFC 3339 time in UTC.

    Raises:
        ValueError: it is none.
    """
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        raise ValueError("must be an RFC 3339 time, such as 2026-01-31T09:30:00Z")
    return moment


def refuse_nul(text: str) -> str:
    """Return a text that both databases can hold: PostgreSQL knows no U+0000.

    Raises:
        ValueError: it has one.
    """
    if "\0" in text:
        raise ValueError("must not contain the character U+0000")
    return text


Moment = Annotated[datetime, BeforeValidator(read_moment)]
Text = Annotated[str, AfterValidator(refuse_nul)]

OnceShown = Annotated[
    str | None, Field(description="Shown this once: neither later nor in a repeated answer.")
]


def point_into_body(location: Location) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def to_problems(error: ValidationError, point: Callable[[Location], str]) -> list[Problem]:
    """Return pydantic's errors as problems; `point` makes their paths."""
    return [
        Problem(point(e["loc"]), e["msg"].removeprefix("Value error, "), CODES.get(e["type"], "invalid"))
        for e in error.errors(include_url=False, include_input=False)
    ]
