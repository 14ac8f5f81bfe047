"""Steps: named parts of a handler that the service shows with their durations, and records."""

from __future__ import annotations

from functools import wraps
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from aetherflow.arguments import check_text
from aetherflow.binding import current
from aetherflow.computing import compute, compute_awaitable, enclosing_computation

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

F = TypeVar("F", bound="Callable[..., Any]")

# inspect.iscoroutinefunction would be right too, and importing inspect takes longer than all of this package.
_CO_COROUTINE = 0x80


class Step:
    """A named step, to decorate a function with or to put around a block with `with`."""

    def __init__(self, name: str) -> None:
        self.name = check_text(name, "name")
        self._started_at: list[float] = []

    def __call__(self, function: F) -> F:
        """Return the function as a step."""
        if not callable(function):
            raise TypeError(f"a step decorates a function, not {type(function).__name__}")
        return cast(
            F, _around_coroutine(self.name, function) if is_async(function) else _around(self.name, function)
        )

    def __enter__(self) -> Step:
        self._started_at.append(_tell_start(self.name))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _tell_end(self.name, self._started_at.pop(), error)


@overload
def step(name: str) -> Step: ...
@overload
def step(name: F) -> F: ...
def step(name: Any) -> Any:
    """Make a function a step, with `@step("name")` or just `@step`, or a block, with `with step("name"):`.

    The service shows name, status and duration in milliseconds. In a durable session the result of a
    decorated function is recorded, and when the handler runs again, it comes back, or its exception is
    raised again, without a call. A block is shown but not recorded: what it calls is.

    Inside a decorated function, other steps and activities are plain calls. An async function stays one;
    a durable session runs it to its end in an event loop of its own, so it cannot use connections that
    were opened outside of it.

    Raises:
        ValueError, TypeError: The name is empty or no str.
    """
    return Step(name.__name__)(name) if callable(name) else Step(name)


def is_async(function: Any) -> bool:
    """Whether calling this makes a coroutine."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return bool(code is not None and code.co_flags & _CO_COROUTINE)


def _around(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        def timed() -> Any:
            with Step(name):
                return function(*args, **kwargs)

        if enclosing_computation() is not None:
            return function(*args, **kwargs)
        return compute("step", name, timed)

    return run


def _around_coroutine(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        async def timed() -> Any:
            with Step(name):
                return await function(*args, **kwargs)

        if enclosing_computation() is not None:
            return await function(*args, **kwargs)
        return await compute_awaitable("step", name, timed)

    return run


def _tell_start(name: str) -> float:
    current().tell("step_started", {"name": name})
    return perf_counter()


def _tell_end(name: str, started_at: float, error: BaseException | None) -> None:
    current().tell(
        "step_ended",
        {
            "name": name,
            "status": "completed" if error is None else "failed",
            "duration_ms": round((perf_counter() - started_at) * 1000),
            "error": None if error is None else f"{type(error).__name__}: {error}",
        },
    )
