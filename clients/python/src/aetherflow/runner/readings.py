"""Clock and chance of a durable session: what the modules return is recorded, so that a second run gets the same.

Patched are the functions of time, datetime, random, uuid and secrets that return something new each time, for as
long as the handler runs. Callers within the standard library (a log record's time, an event loop's clock) see the
real ones: what they read decides nothing, and there is no end of it. `random` is recorded by its seed, from which
all the rest follows.
"""

from __future__ import annotations

import datetime
import os
import random
import secrets
import sys
import sysconfig
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from aetherflow.runner.journal import Journal

STANDARD_LIBRARY = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "<frozen")

# Modules and their functions without arguments that matter.
READ: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        time,
        ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"),
    ),
    (uuid, ("uuid1", "uuid4")),
    (secrets, ("token_bytes", "token_hex", "token_urlsafe", "randbelow", "randbits")),
)

# With an argument these convert a time that is given; without, they read the clock.
READ_WITHOUT_ARGUMENT = ("localtime", "gmtime", "ctime", "asctime")


class Readings:
    """Replaces the functions while a session runs, and lets the real ones through inside of steps."""

    def __init__(self, journal: Journal, sleep: Callable[[float], None]) -> None:
        self._journal = journal
        self._sleep = sleep
        self._inside = 0
        self._restored: list[tuple[Any, str, Any]] = []

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Have them in place."""
        random.seed(self._journal.read("random", lambda: os.urandom(16).hex()))
        for module, names in READ:
            for name in names:
                self._replace(module, name, self._reading(module, name))
        for name in READ_WITHOUT_ARGUMENT:
            self._replace(time, name, self._reading(time, name, last=True))
        self._replace(time, "sleep", self._sleep_or_wait(time.sleep))
        self._replace(secrets, "choice", self._choice)
        self._replace(datetime, "datetime", self._make_datetime())
        self._replace(datetime, "date", self._make_date())
        try:
            yield
        finally:
            for module, name, real in reversed(self._restored):
                setattr(module, name, real)

    @contextmanager
    def plain(self) -> Iterator[None]:
        """Let the real ones through: what happens in a step is recorded as its result."""
        state = random.getstate()
        self._inside += 1
        random.seed()
        try:
            yield
        finally:
            self._inside -= 1
            random.setstate(state)

    def _replace(self, module: Any, name: str, function: Any) -> None:
        self._restored.append((module, name, getattr(module, name)))
        setattr(module, name, function)

    def _passes(self, depth: int) -> bool:
        """Whether the caller gets the real function."""
        return self._inside > 0 or sys._getframe(depth + 1).f_code.co_filename.startswith(STANDARD_LIBRARY)

    def _reading(self, module: Any, name: str, *, last: bool = False) -> Callable[..., Any]:
        real = getattr(module, name)

        def read(*arguments: Any, **named: Any) -> Any:
            if (last and (arguments or named)) or self._passes(1):
                return real(*arguments, **named)
            return self._journal.read(f"{module.__name__}.{name}", lambda: real(*arguments, **named))

        return read

    def _sleep_or_wait(self, real: Callable[[float], None]) -> Callable[[float], None]:
        def sleep(seconds: float) -> None:
            if self._passes(1):
                real(seconds)
            else:
                self._sleep(seconds)

        return sleep

    def _choice(self, sequence: Any) -> Any:
        return sequence[secrets.randbelow(len(sequence))]

    def _make_datetime(self) -> type:
        """Return a class that is `datetime.datetime` but for its clock; what it makes is the real thing."""
        readings, real = self, datetime.datetime

        class Same(type):
            def __instancecheck__(cls, value: object) -> bool:
                return isinstance(value, real)

            def __subclasscheck__(cls, other: type) -> bool:
                return issubclass(other, real)

        class Recorded(real, metaclass=Same):  # type: ignore[misc, valid-type]
            def __new__(cls, *arguments: Any, **named: Any) -> Any:
                return real(*arguments, **named)

            @classmethod
            def now(cls, tz: Any = None) -> Any:
                if readings._passes(1):
                    return real.now(tz)
                return readings._journal.read("datetime.now", lambda: real.now(tz))

            @classmethod
            def utcnow(cls) -> Any:
                if readings._passes(1):
                    return real.utcnow()
                return readings._journal.read("datetime.utcnow", real.utcnow)

            @classmethod
            def today(cls) -> Any:
                return cls.now()

        Recorded.__name__ = Recorded.__qualname__ = "datetime"
        Recorded.__module__ = "datetime"
        return Recorded

    def _make_date(self) -> type:
        """Return a class that is `datetime.date` but for its clock."""
        readings, real = self, datetime.date

        class Same(type):
            def __instancecheck__(cls, value: object) -> bool:
                return isinstance(value, real)

            def __subclasscheck__(cls, other: type) -> bool:
                return issubclass(other, real)

        class Recorded(real, metaclass=Same):  # type: ignore[misc, valid-type]
            def __new__(cls, *arguments: Any, **named: Any) -> Any:
                return real(*arguments, **named)

            @classmethod
            def today(cls) -> Any:
                if readings._passes(1):
                    return real.today()
                return readings._journal.read("date.today", real.today)

        Recorded.__name__ = Recorded.__qualname__ = "date"
        Recorded.__module__ = "datetime"
        return Recorded
