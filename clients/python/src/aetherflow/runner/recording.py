"""Results as they are kept in the journal: JSON where that loses nothing, pickle else.

Only a session's own process unpickles, and only what its own workflow's processes pickled.
"""

from __future__ import annotations

import base64
import datetime
import io
import json
import math
import pickle
from typing import Any, Callable

from aetherflow.errors import AetherFlowError, IntegrationError

JSON = "j"
PICKLE = "p"
RAISED = "e"
REFUSED = "x"

# What the service may answer with besides a result. Anything else would be a mistake of the service.
ERRORS: dict[str, Callable[..., Exception]] = {
    "AetherFlowError": AetherFlowError,
    "ValueError": ValueError,
    "TypeError": TypeError,
    "KeyError": KeyError,
    "IntegrationError": IntegrationError,
}

# Python refuses to write longer integers as decimal text (sys.get_int_max_str_digits), but pickles them.
MOST_BITS = 10_000

# While a durable session runs, others stand in the places of these, where a pickler would look for them.
CLASSES = {"datetime": datetime.datetime, "date": datetime.date}


class Pickler(pickle.Pickler):
    """Knows the two classes that are replaced meanwhile (see `aetherflow.runner.readings`)."""

    def reducer_override(self, value: Any) -> Any:
        """Name them by themselves."""
        for name, real in CLASSES.items():
            if value is real:
                return find_class, (name,)
        return NotImplemented


def find_class(name: str) -> type:
    """Return one of CLASSES, for the unpickler."""
    return CLASSES[name]


def keep(value: Any, *, of: str) -> str:
    """Return a result as text.

    Raises:
        AetherFlowError: it can be kept in neither way; `of` says in the message whose result it is.
    """
    if is_plain(value):
        return JSON + json.dumps(value)
    return PICKLE + pickled(value, of)


def keep_raised(error: Exception, *, of: str) -> tuple[str, Exception]:
    """Return an exception as text, and the exception that it will be when it comes back.

    That is the given one if possible. It is one that says the same if the given one cannot be pickled: what the
    handler sees must not depend on whether it runs for the first time.
    """
    for kept in (error, Rebuilt(error)):
        try:
            text = RAISED + pickled(kept, of)
            restored = restore(text)
        except AetherFlowError:
            continue
        if type(restored) is type(error) and str(restored) == str(error):
            return text, error
    said = AetherFlowError(f"{type(error).__name__}: {error}")
    return RAISED + pickled(said, of), said


class Rebuilt:
    """Pickles as an exception that is made again without its constructor, which may want other arguments."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __reduce__(self) -> tuple[Any, ...]:
        error = self._error
        return rebuild, (type(error), error.args, error.__dict__)


def rebuild(kind: type[Exception], arguments: tuple[Any, ...], members: dict[str, Any]) -> Exception:
    """Return an exception as it was."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(members)
    return error


def restore(text: str) -> Any:
    """Return what was kept; an exception is returned, too.

    Raises:
        AetherFlowError: its class cannot be made again in this process.
    """
    if text[0] == JSON:
        return json.loads(text[1:])
    if text[0] == REFUSED:
        return make_refusal(json.loads(text[1:]))
    try:
        return pickle.loads(base64.b64decode(text[1:]))  # noqa: S301 - our own, see above
    except Exception as error:
        raise AetherFlowError(f"a recorded result cannot be read again: {error!r}") from error


def make_refusal(error: dict[str, Any]) -> Exception:
    """Return what the handler is to see of an operation that the service refused."""
    attributes = {name: value for name, value in error.items() if name not in ("type", "message")}
    return ERRORS[error["type"]](error["message"], **attributes)


def pickled(value: Any, of: str) -> str:
    """Return a pickle as text.

    Raises:
        AetherFlowError: it cannot be pickled.
    """
    try:
        file = io.BytesIO()
        Pickler(file).dump(value)
        return base64.b64encode(file.getvalue()).decode()
    except Exception as error:
        raise AetherFlowError(
            f"the result of {of} cannot be recorded: {error}. Return plain data, or objects that can be pickled."
        ) from error


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether JSON gives back exactly the same: no tuples, no keys but text, no subclasses, no NaN."""
    kind = type(value)
    if value is None or kind in (bool, str):
        return True
    if kind is int:
        return bool(value.bit_length() <= MOST_BITS)
    if kind is float:
        return math.isfinite(value)
    if depth > 50:
        return False
    if kind is list:
        return all(is_plain(inner, depth + 1) for inner in value)
    if kind is dict:
        return all(type(key) is str and is_plain(inner, depth + 1) for key, inner in value.items())
    return False
