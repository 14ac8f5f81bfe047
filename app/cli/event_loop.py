"""Runs what commands do as coroutines."""

from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def run(main: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end in a fast event loop."""
    import uvloop

    return uvloop.run(main)
