"""Query parameters: none unknown, none repeated, each of its type.

Handlers read them themselves, after they have looked for the row of the path: that a row is not there is
told before anything else about the request.
"""

import re
from collections import Counter
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from app.api.validation import to_problems
from app.errors import Invalid, Problem

P = TypeVar("P", bound=BaseModel)

WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
FLAGS = {"true": True, "false": False}


def read_whole_number(text: Any) -> int:
    """Return a number written in digits alone.

    Raises:
        ValueError: it is written otherwise.
    """
    if WHOLE_NUMBER.fullmatch(text) is None:
        raise ValueError("must be a whole number")
    return int(text)


def read_flag(text: Any) -> bool:
    """Return what `true` or `false` says, in any case, since Python's clients write True.

    Raises:
        ValueError: it is neither.
    """
    flag = FLAGS.get(text.lower())
    if flag is None:
        raise ValueError("must be true or false")
    return flag


Flag = Annotated[bool, BeforeValidator(read_flag)]


class Parameters(BaseModel):
    """The query parameters of a route; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParameters(Parameters):
    """A route that takes none."""


def read_parameters(request: Request, model: type[P]) -> P:
    """Return the query parameters of a request.

    Raises:
        Invalid: one is unknown, stands more than once, or does not fit.
    """
    if not request.scope["query_string"]:
        return model()
    pairs = request.query_params.multi_items()
    counts = Counter(name for name, _ in pairs)
    problems = [Problem(f"?{n}", "stands more than once", "repeated") for n, c in counts.items() if c > 1]
    if problems:
        raise Invalid("A query parameter was repeated.", problems=problems)
    try:
        return model.model_validate(dict(pairs))
    except ValidationError as error:
        problems = to_problems(error, lambda location: f"?{location[0]}")
        raise Invalid("A query parameter does not fit.", problems=problems) from None
