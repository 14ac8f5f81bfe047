"""What a trigger calls: a function at the top of a Python file of the deployment."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from app.rules.manifest.sources import Bindings

# `path.py:function`, and with a space instead, as older manifests have it. The path may hold spaces itself.
_CALL = re.compile(r"(?P<path>\S(?:.*?\S)?\.py)(?:\s*:\s*|\s+)(?P<function>\S+)")
# Comparing takes some twenty microseconds a name, for each of a hundred triggers.
_MOST_COMPARED = 300


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a file; `str()` gives the one spelling that is stored."""

    path: str
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.function}"


def parse_call(text: str) -> Call | str:
    """Return what is called, or why that cannot be said."""
    match = _CALL.fullmatch(text.strip())
    if match is None:
        return "call must be written as path.py:function."
    path, function = match["path"], match["function"]
    while path.startswith("./"):
        path = path[2:]
    if path.startswith("/") or ".." in path.split("/"):
        return "The path in call must lead to a file of the deployment."
    if not function.isidentifier():
        return "The function in call must be a plain name, not an attribute or an expression."
    return Call(path, function)


def find_fault(call: Call, files: Mapping[str, bytes], bindings: Mapping[str, Bindings]) -> str | None:
    """Return why the call leads nowhere; None when it is right, or when its file has a mistake already."""
    if call.path not in files:
        return f"There is no file {call.path}{_suggest(call.path, files)}"
    bound = bindings.get(call.path)
    if bound is None or bound.may_have(call.function):
        return None
    return f"There is no {call.function} at the top of {call.path}{_suggest(call.function, bound.names)}"


def _suggest(name: str, others: Collection[str]) -> str:
    similar = get_close_matches(name, sorted(others), n=1) if len(others) <= _MOST_COMPARED else []
    return f"; did you mean {similar[0]}?" if similar else "."
