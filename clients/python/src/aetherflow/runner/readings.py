"""Clock and chance of a durable session: what the modules return is recorded, so that a second run gets the same.

Replaced are the functions of time, datetime, random, uuid and secrets that return something new each time, for as
long as the handler runs. The real ones are seen by callers within the standard library (a log record's time, an
event loop's clock), of which there is no end, by other threads and processes, whose order differs from run to run,
and inside of steps, whose results are recorded. `random` is recorded by its seed, from which all the rest follows.
"""

from __future__ import annotations

import copyreg
import datetime
import os
import random
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Callable

from aetherflow.runner.journal import Journal
from aetherflow.runner.stand_ins import Reader, make_stand_ins

STANDARD_LIBRARY = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "<frozen")

# Ours as well: some real functions call others by name, from the place where they are called.
OWN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")

# Where what was installed lies, which may be within the standard library.
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

REAL_CLASSES = (datetime.datetime, datetime.date)
really_seed = random.seed


class Readings:
    """Replaces the functions while a session runs, and lets the real ones through inside of steps."""

    def __init__(self, journal: Journal, sleep: Callable[[float], None]) -> None:
        self._journal = journal
        self._sleep = sleep
        self._inside = 0
        self._thread = threading.get_ident()
        self._pid = os.getpid()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Have them in place."""
        global _current
        really_seed(self.read("random", lambda: os.urandom(16).hex()))
        real = [(module, name, getattr(module, name)) for module, name, _ in stand_ins()]
        for module, name, stand_in in stand_ins():
            setattr(module, name, stand_in)
        for real_class in REAL_CLASSES:
            copyreg.pickle(real_class, reduce_by_name)
        _current = self
        try:
            yield
        finally:
            _current = None
            for real_class in REAL_CLASSES:
                copyreg.dispatch_table.pop(real_class, None)
            for module, name, function in real:
                setattr(module, name, function)

    @contextmanager
    def plain(self) -> Iterator[None]:
        """Let the real ones through: what happens in a step is recorded as its result."""
        state = random.getstate()
        self._inside += 1
        really_seed()
        try:
            yield
        finally:
            self._inside -= 1
            random.setstate(state)

    def read(self, name: str, function: Callable[[], Any]) -> Any:
        """Return the recorded reading, or take one and record it."""
        return self._journal.read(name, function)

    def sleep(self, seconds: float) -> None:
        """Let the session wait."""
        self._sleep(seconds)

    @property
    def records(self) -> bool:
        """Whether what is read now, here, is recorded."""
        return not self._inside and threading.get_ident() == self._thread and os.getpid() == self._pid


# Whose session runs in this process.
_current: Readings | None = None


def asked(depth: int) -> Reader | None:
    """Return who records what the caller so many frames up reads; None if it gets the real thing."""
    readings = _current
    if readings is None or not readings.records:
        return None
    return None if is_standard(sys._getframe(depth + 1).f_code.co_filename) else readings


@lru_cache(maxsize=1_024)
def is_standard(path: str) -> bool:
    """Whether a file is one of the standard library, or of this package."""
    if path.startswith(OWN):
        return True
    return path.startswith(STANDARD_LIBRARY) and not any(place in path for place in INSTALLED)


@lru_cache(maxsize=1)
def stand_ins() -> list[tuple[Any, str, Any]]:
    """Return what is replaced, made while the real ones are in place."""
    return make_stand_ins(asked)


def reduce_by_name(value: Any) -> tuple[Any, ...]:
    """Return how a date is pickled: by the class that has its name now, where a pickler would look for it."""
    arguments: tuple[Any, ...] = value.__reduce_ex__(4)[1]
    return getattr(datetime, type(value).__name__), arguments
