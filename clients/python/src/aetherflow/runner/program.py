"""The author's program: loaded from the deployment's folder, called with an event, and its mistakes told."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Callable

from aetherflow.activities import plain
from aetherflow.errors import AetherFlowError, IntegrationError

# What is told of an error: characters of its message, frames of its traceback, errors that led to it.
MOST_MESSAGE = 16_384
MOST_FRAMES = 60
MOST_CAUSES = 8

POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)


def load_handler(call: str, folder: str) -> Callable[..., Any]:
    """Return the function of `path.py:function`, importing its file if that has not been done.

    Raises:
        Exception: whatever the file raises while it is imported.
        AetherFlowError: there is no such function, or it cannot be called.
    """
    path, _, name = call.rpartition(":")
    handler = getattr(load_module(path, folder), name, None)
    if not callable(handler):
        raise AetherFlowError(f"{path} has no function `{name}`.")
    function: Callable[..., Any] = handler
    return function


def load_module(path: str, folder: str) -> ModuleType:
    """Import a file of the deployment under the name that the program itself would use, if that leads to it."""
    parts = path[: -len(".py")].split("/")
    place = os.path.join(folder, path)
    name = ".".join(parts)
    if all(part.isidentifier() for part in parts) and leads_to(name, place):
        return importlib.import_module(name)
    # A module of the standard library has the name, for example, or no module could have it.
    alias = f"deployed:{path}"
    if alias in sys.modules:
        return sys.modules[alias]
    spec = importlib.util.spec_from_file_location(alias, place)
    if spec is None or spec.loader is None:
        raise AetherFlowError(f"{path} cannot be imported.")
    module = sys.modules[alias] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        # The next session is to see the same error, and not half a module.
        del sys.modules[alias]
        raise
    return module


def leads_to(name: str, place: str) -> bool:
    """Whether importing a name gives the file in this place."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        # It may be a package above it that is not one; what a package of the author misses is the author's to hear.
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return False
        raise
    except ValueError:
        # A module without a spec, such as `__main__`.
        return False
    return spec is not None and spec.origin == place


def call_handler(handler: Callable[..., Any], event: Any, session_id: str) -> Any:
    """Call it with the event, and with `session_id` if it declares that; a coroutine is run to its end."""
    handler = plain(handler)
    try:
        parameters = inspect.signature(handler).parameters
    except (TypeError, ValueError):
        # Written in C, for example; whoever named it knows what it takes.
        parameters = {"event": inspect.Parameter("event", inspect.Parameter.POSITIONAL_ONLY)}  # type: ignore[assignment]
    positional, named = bind_arguments(parameters.values(), event, session_id)
    result = handler(*positional, **named)
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    return result


def bind_arguments(
    parameters: Iterable[inspect.Parameter], event: Any, session_id: str
) -> tuple[list[Any], dict[str, Any]]:
    """Return what a handler is called with: the event for its first parameter, `session_id` for that of the name."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    takes_event = False
    for parameter in parameters:
        is_positional = parameter.kind in POSITIONAL
        if parameter.name == "session_id":
            if parameter.kind is parameter.POSITIONAL_ONLY or (is_positional and not takes_event):
                positional.append(session_id)
            else:
                named["session_id"] = session_id
        elif not takes_event and is_positional:
            takes_event = True
            positional.append(event)
        elif not takes_event and parameter.kind is parameter.KEYWORD_ONLY and parameter.name == "event":
            takes_event = True
            named["event"] = event
    return positional, named


def explain(error: BaseException, folder: str) -> dict[str, Any]:
    """Return what a session's log says of an error: its text, and the traceback cut to the author's frames.

    An integration's call that the handler failed by, directly or as the named cause, is told in `error`.
    """
    summary = shorten("".join(traceback.format_exception_only(type(error), error)).strip(), MOST_MESSAGE)
    told: dict[str, Any] = {
        "message": summary,
        "traceback": "\n".join([*frames_of(error, folder), summary]),
    }
    called = integration_error_of(error)
    if called is not None:
        told["error"] = {
            "integration": called.integration,
            "error_code": called.error_code,
            "retry_count": called.retry_count,
        }
    return told


def integration_error_of(error: BaseException) -> IntegrationError | None:
    """Return the failed call of an integration that an error is, or was raised from."""
    current: BaseException | None = error
    for _ in range(MOST_CAUSES):
        if current is None or isinstance(current, IntegrationError):
            return current
        current = current.__cause__
    return None


def frames_of(error: BaseException, folder: str) -> list[str]:
    """Return the frames within the deployment, with paths relative to it, of the error and what led to it."""
    root = os.path.join(folder, "")
    told: list[list[str]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(told) < MOST_CAUSES:
        seen.add(id(current))
        lines = own_frames(current, root)
        if told:
            # Before the frames of what it led to.
            said = "".join(traceback.format_exception_only(type(current), current)).strip()
            lines += [shorten(said, MOST_MESSAGE), ""]
        told.append(lines)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return [line for each in reversed(told) for line in each]


def own_frames(error: BaseException, root: str) -> list[str]:
    """Return the frames of one error; of a long recursion only its ends."""
    lines: list[str] = []
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(root)]
    for number, frame in enumerate(frames):
        if MOST_FRAMES // 2 <= number < len(frames) - MOST_FRAMES // 2:
            if number == MOST_FRAMES // 2:
                lines.append(f"  ... {len(frames) - 2 * (MOST_FRAMES // 2)} more frames")
            continue
        lines.append(f'  File "{frame.filename[len(root) :]}", line {frame.lineno}, in {frame.name}')
        if frame.line:
            lines.append(f"    {frame.line}")
    return ["Traceback (most recent call last):", *lines] if lines else lines


def shorten(text: str, most: int) -> str:
    """Return a text, or its beginning if it is long."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
