"""docs/reference/sdk.md, from the signatures and docstrings of the author's surface."""

import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, get_overloads

import aetherflow
import autokitteh
from aetherflow import (
    activities,
    children,
    data,
    errors,
    events,
    integrations,
    outcomes,
    publishing,
    steps,
    testing,
    triggers,
    values,
    waiting,
)

from docs.generate.text import code, page

INTRODUCTION = """
What a handler can call. All of it is in the package `aetherflow`, which needs Python 3.9 or later and nothing
else, so that an editor and a unit test know it without a server. Arguments are checked where the call stands;
whatever the service refuses is an `AetherFlowError`.

A handler is a function with one parameter, the event. One that also has a parameter `session_id` gets that too,
and a coroutine function is awaited:

```python
from aetherflow import http_outcome


def handler(event, session_id):
    http_outcome(200, body=f"Hello, {event.data.body.json.name}!")
```
"""

# In the order in which a reader needs them.
CHAPTERS: dict[str, list[ModuleType]] = {
    "The event": [events, data],
    "Answers and results": [outcomes],
    "Waiting": [waiting],
    "Steps and activities": [steps, activities],
    "Values": [values],
    "Other sessions, addresses and events": [children, triggers, publishing],
    "Connected services": [integrations],
    "Errors": [errors],
}

AUTOKITTEH = """
## Programs written for AutoKitteh

`autokitteh` has the same functions under the names that such programs import, `AutoKittehError` is
`AetherFlowError`, and `AttrDict` is `Data`. It also has {others}. Importing one of AutoKitteh's modules for other
services, such as `autokitteh.slack`, is an ImportError that names `integration()`, unless the deployment brings a
file `autokitteh/slack.py` of its own.
"""


# Longer ones would be scrolled sideways.
LONGEST_LINE = 100


class Written(str):
    """An annotation as it stands in the source, which is what a signature then shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def render() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for title, modules in CHAPTERS.items():
        parts.append(f"## {title}")
        parts += [section_of(name) for module in modules for name in names_of(module)]
        if events in modules:
            parts.append(f"### event.data\n\n{markdown_of(events.make_data)}")
    others = sorted(
        set(autokitteh.__all__) - set(aetherflow.__all__) - {"AutoKittehError", "AttrDict", "errors"}
    )
    parts.append(AUTOKITTEH.format(others=", ".join(map(code, others))))
    parts.append(f"## Unit tests\n\n{inspect.getdoc(testing)}".replace("\n\n    ", "\n\n```python\n", 1))
    parts[-1] = close_example(parts[-1])
    parts += [
        section_of(name, testing)
        for name in ("run", "make_event", "Result", "Response", "Outcome", "StepRecord")
    ]
    return page("Python SDK", *parts)


def names_of(module: ModuleType) -> list[str]:
    """Return the public names that a module of the surface defines, in the order of its source."""
    source = inspect.getsource(module)
    places = {
        name: found.start()
        for name in aetherflow.__all__
        if (found := re.search(rf"^(?:def|class) {name}\b|^{name} = ", source, flags=re.MULTILINE))
    }
    return sorted(places, key=places.__getitem__)


def section_of(name: str, module: ModuleType = aetherflow) -> str:
    """Return the section of a name."""
    thing = getattr(module, name)
    return "\n\n".join([f"### {name}", *usage_of(name, thing), markdown_of(thing), *methods_of(thing)])


def usage_of(name: str, thing: Any) -> Iterator[str]:
    """Yield how a function is called, or what a tuple holds."""
    if inspect.isfunction(thing):
        calls = [signature_of(name, each) for each in get_overloads(thing) or [thing]]
        yield "```python\n" + "\n".join(calls) + "\n```"
    elif isinstance(thing, type) and thing.__annotations__:
        # The annotations of a NamedTuple are wrapped.
        kinds = {key: getattr(kind, "__forward_arg__", kind) for key, kind in thing.__annotations__.items()}
        yield "Members: " + ", ".join(code(f"{key}: {kind}") for key, kind in kinds.items())


def methods_of(thing: Any) -> Iterator[str]:
    """Yield the list of the public methods that a class of the surface defines itself."""
    owner = thing if isinstance(thing, type) else type(thing)
    if issubclass(owner, dict) or inspect.isfunction(thing):
        return
    rows = []
    for name, member in vars(owner).items():
        is_method = inspect.isfunction(member)
        if (is_method or isinstance(member, property)) and not name.startswith("_"):
            usage = signature_of(name, member) if is_method else name
            rows.append(
                f"- {code(' '.join(usage.split()))}: {(inspect.getdoc(member) or '').splitlines()[0]}"
            )
    if rows:
        yield "\n".join(rows)


def signature_of(name: str, function: Callable[..., Any]) -> str:
    """Return a signature as it stands in the source, without `self`, wrapped when it is long."""
    signature = inspect.signature(function)
    parameters = [
        each if each.annotation is each.empty else each.replace(annotation=Written(each.annotation))
        for each in signature.parameters.values()
        if each.name != "self"
    ]
    plain = signature.replace(parameters=parameters, return_annotation=Written(signature.return_annotation))
    line = f"{name}{plain}"
    if len(line) <= LONGEST_LINE:
        return line
    lines = [f"    {each}," for each in parameters]
    named = [place for place, each in enumerate(parameters) if each.kind is each.KEYWORD_ONLY]
    if named:
        lines.insert(named[0], "    *,")
    return "\n".join([f"{name}(", *lines, f") -> {plain.return_annotation}"])


def markdown_of(thing: Any) -> str:
    """Return a docstring with the errors that it names as a list."""
    text, _, raises = (inspect.getdoc(thing) or "").partition("\n\nRaises:\n")
    if not raises:
        return text
    return f"{text}\n\nRaises:\n\n" + "\n".join(
        f"- {', '.join(code(each) for each in kinds.split(', '))}: {reason}"
        for kinds, _, reason in (line.partition(": ") for line in joined_lines(raises))
    )


def joined_lines(raises: str) -> Iterator[str]:
    """Yield each error of a `Raises:` section in one line."""
    entry = ""
    for line in raises.splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            if entry:
                yield entry
            entry = line.strip()
        elif line.strip():
            entry += " " + line.strip()
    yield entry


def close_example(text: str) -> str:
    """Return a text whose one opened example ends where its lines are no longer indented."""
    before, opening, rest = text.partition("```python\n")
    lines = rest.split("\n")
    end = next(place for place, line in enumerate(lines) if place and line and not line.startswith("    "))
    example = "\n".join(line.removeprefix("    ") for line in lines[:end]).rstrip()
    return f"{before}{opening}{example}\n```\n\n" + "\n".join(lines[end:])
