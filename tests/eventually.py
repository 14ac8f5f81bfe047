"""Waiting in the test's own event loop for a condition instead of sleeping."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

# Short beside what tests wait for, long beside what a look costs.
PAUSE_SECONDS = 0.01


async def eventually(condition: Callable[[], Any], *, what: str, timeout_seconds: float = 20) -> Any:
    """Return the first truthy answer of `condition`, which may have to be awaited.

    Raises:
        AssertionError: there was none in time; the message says `what` was waited for.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if loop.time() > deadline:
            raise AssertionError(f"waited {timeout_seconds} s in vain until {what}")
        await asyncio.sleep(PAUSE_SECONDS)
