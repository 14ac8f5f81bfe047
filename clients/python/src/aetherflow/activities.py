"""Activities: functions whose results a durable session records, without showing them as steps."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aetherflow.computing import compute, compute_awaitable
from aetherflow.steps import is_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

F = TypeVar("F", bound="Callable[..., Any]")

# Where a decorated function keeps the one that it was made of.
_PLAIN = "__aetherflow_plain__"

_are_inhibited: ContextVar[bool] = ContextVar("are_inhibited", default=False)
_never: set[Any] = set()


def activity(function: F) -> F:
    """Record the result of a function in a durable session.

    When the handler runs again, the recorded result comes back, or the recorded exception is raised, and
    the function is not called. One that was cut off in the middle may be called again. The function that
    a trigger calls is never an activity, decorated or not.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if is_async(function):

        @wraps(function)
        async def run_coroutine(*args: Any, **kwargs: Any) -> Any:
            if _is_plain(function, run_coroutine):
                return await function(*args, **kwargs)
            return await compute_awaitable("activity", name, lambda: function(*args, **kwargs))

        return _made_of(function, run_coroutine)

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if _is_plain(function, run):
            return function(*args, **kwargs)
        return compute("activity", name, lambda: function(*args, **kwargs))

    return _made_of(function, run)


def inhibit_activities(function: F) -> F:
    """Make activities plain calls while this function runs, so that it runs again with the handler.

    For what cannot be recorded and costs little, such as making a client.
    """
    if is_async(function):

        @wraps(function)
        async def run_coroutine(*args: Any, **kwargs: Any) -> Any:
            token = _are_inhibited.set(True)
            try:
                return await function(*args, **kwargs)
            finally:
                _are_inhibited.reset(token)

        return cast(F, run_coroutine)

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        token = _are_inhibited.set(True)
        try:
            return function(*args, **kwargs)
        finally:
            _are_inhibited.reset(token)

    return cast(F, run)


def register_no_activity(functions: Iterable[Any]) -> None:
    """Make these functions plain calls, decorated with `activity` or not."""
    _never.update(functions)


def plain(function: Any) -> Any:
    """Return the function that an activity was made of, and anything else as it is."""
    return getattr(function, _PLAIN, function)


def _made_of(function: F, run: Callable[..., Any]) -> F:
    setattr(run, _PLAIN, function)
    return cast(F, run)


def _is_plain(function: Any, run: Any) -> bool:
    return _are_inhibited.get() or function in _never or run in _never
