"""Running an author's function as one recorded unit, which steps and activities have in common.

Inside such a unit, nested steps and activities are plain calls, because the outer record holds what they
did; and nothing can wait in a durable session, because a unit has no place at which it could be taken up.
"""

from __future__ import annotations

from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from aetherflow.binding import current

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_enclosing: ContextVar[str | None] = ContextVar("enclosing", default=None)


def enclosing_computation() -> str | None:
    """Return the kind and name of the unit that the caller runs in, None outside of any."""
    return _enclosing.get()


def compute(kind: str, name: str, function: Callable[[], T]) -> T:
    """Run a function as a recorded unit, or just call it inside of one."""
    if enclosing_computation() is not None:
        return function()

    def enclosed() -> T:
        token = _enclosing.set(f"the {kind} {name!r}")
        try:
            return function()
        finally:
            _enclosing.reset(token)

    return current().compute(kind, name, enclosed)


async def compute_awaitable(kind: str, name: str, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function as a recorded unit, or just await it inside of one.

    A durable session runs it to its end in an event loop and a thread of its own, because its result is
    to be recorded before anything else of the handler goes on.
    """
    if enclosing_computation() is not None:
        return await function()
    if current().is_durable:
        return compute(kind, name, lambda: _run_to_its_end(function))
    token = _enclosing.set(f"the {kind} {name!r}")
    try:
        return await function()
    finally:
        _enclosing.reset(token)


def _run_to_its_end(function: Callable[[], Coroutine[Any, Any, T]]) -> T:
    # Both are slow to import, and few handlers need them.
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    context = copy_context()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(context.run, lambda: asyncio.run(function())).result()
