"""The author's program: loaded from the deployment's folder, called with an event, and its mistakes told."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from types import ModuleType
from typing import Any, Callable

from aetherflow.activities import plain
from aetherflow.errors import AetherFlowError


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
    """Import a file of the deployment under the name that the program itself would use."""
    parts = path[: -len(".py")].split("/")
    if all(part.isidentifier() for part in parts):
        return importlib.import_module(".".join(parts))
    name = "_".join(parts)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, path))
    if spec is None or spec.loader is None:
        raise AetherFlowError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def call_handler(handler: Callable[..., Any], event: Any, session_id: str) -> Any:
    """Call it with the event, and with `session_id` if it declares that; a coroutine is run to its end."""
    handler = plain(handler)
    try:
        parameters = inspect.signature(handler).parameters
    except (TypeError, ValueError):
        # Written in C, for example; whoever named it knows what it takes.
        parameters = {"event": inspect.Parameter("event", inspect.Parameter.POSITIONAL_ONLY)}  # type: ignore[assignment]
    named = {"session_id": session_id} if "session_id" in parameters else {}
    takes_event = any(
        parameter.kind
        in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.VAR_POSITIONAL)
        for name, parameter in parameters.items()
        if name != "session_id"
    )
    result = handler(event, **named) if takes_event else handler(**named)
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    return result


def explain(error: BaseException, folder: str) -> dict[str, str]:
    """Return what a session's log says of an error: its text, and the traceback cut to the author's frames."""
    summary = "".join(traceback.format_exception_only(type(error), error)).strip()
    return {"message": summary, "traceback": "\n".join([*frames_of(error, folder), summary])}


def frames_of(error: BaseException, folder: str) -> list[str]:
    """Return the frames within the deployment, with paths relative to it."""
    root = os.path.join(folder, "")
    lines: list[str] = []
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith(root):
            lines.append(f'  File "{frame.filename[len(root) :]}", line {frame.lineno}, in {frame.name}')
            if frame.line:
                lines.append(f"    {frame.line}")
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and cause is not error:
        said = "".join(traceback.format_exception_only(type(cause), cause)).strip()
        lines = [*frames_of(cause, folder), said, "", *lines]
    return ["Traceback (most recent call last):", *lines] if lines else lines
