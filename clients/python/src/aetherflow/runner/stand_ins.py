"""What stands in the places of clock and chance while a durable session runs.

They are made once for a process. A module that an author's handler imports keeps the ones that it found, so each
call asks anew whether there is a session that records it, and else does what the real one does.
"""

from __future__ import annotations

import datetime
import os
import random
import secrets
import time
import uuid
from typing import Any, Callable, Protocol


class Reader(Protocol):
    """Whoever records readings."""

    def read(self, name: str, function: Callable[[], Any]) -> Any:
        """Return the recorded reading, or take one and record it."""

    def sleep(self, seconds: float) -> None:
        """Let the session wait."""


# Who records what the caller so many frames up reads; None if it gets the real thing.
Asked = Callable[[int], "Reader | None"]

# Modules and their functions that return something new each time.
READ: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        time,
        (
            "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
            "process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns",
        ),
    ),
    (uuid, ("uuid1", "uuid4", "uuid6", "uuid7")),
    (secrets, ("token_bytes", "token_hex", "token_urlsafe", "randbelow", "randbits")),
)  # fmt: skip

# These convert the time in the argument of this position, and read the clock if there is none.
READ_WITHOUT_ARGUMENT = {"localtime": 0, "gmtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}


def make_stand_ins(asked: Asked) -> list[tuple[Any, str, Any]]:
    """Return (module, name, replacement) of everything that is to be replaced."""
    made: list[tuple[Any, str, Any]] = []
    for module, names in READ:
        # Some came with later versions of Python, and some systems lack some.
        for name in filter(lambda name: hasattr(module, name), names):
            made.append((module, name, reading(module, name, asked)))
    for name, position in READ_WITHOUT_ARGUMENT.items():
        made.append((time, name, reading(time, name, asked, position=position)))
    made.append((time, "sleep", sleeping(asked)))
    made.append((random, "seed", seeding(asked)))
    made.append((secrets, "choice", choosing(asked)))
    made.append((datetime, "datetime", make_datetime(asked)))
    made.append((datetime, "date", make_date(asked)))
    return made


def reading(module: Any, name: str, asked: Asked, *, position: int | None = None) -> Callable[..., Any]:
    """Return a function that reads as the real one does."""
    real = getattr(module, name)

    def read(*arguments: Any, **named: Any) -> Any:
        converts = position is not None and any(given is not None for given in arguments[position:])
        reader = None if converts else asked(1)
        if reader is None:
            return real(*arguments, **named)
        return reader.read(f"{module.__name__}.{name}", lambda: real(*arguments, **named))

    return read


def sleeping(asked: Asked) -> Callable[[float], None]:
    """Return `time.sleep` as a wait of the session."""
    real = time.sleep

    def sleep(seconds: float) -> None:
        reader = asked(1)
        if reader is None:
            real(seconds)
        else:
            reader.sleep(seconds)

    return sleep


def seeding(asked: Asked) -> Callable[..., None]:
    """Return `random.seed`, which without an argument asks the system for chance."""
    real = random.seed

    def seed(a: Any = None, version: int = 2) -> None:
        reader = asked(1) if a is None else None
        real(a if reader is None else reader.read("random.seed", lambda: os.urandom(16).hex()), version)

    return seed


def choosing(asked: Asked) -> Callable[[Any], Any]:
    """Return `secrets.choice`, recorded by the place in the sequence, which may hold anything."""
    real, randbelow = secrets.choice, secrets.randbelow

    def choice(sequence: Any) -> Any:
        reader = asked(1)
        if reader is None:
            return real(sequence)
        return sequence[reader.read("secrets.choice", lambda: randbelow(len(sequence)))]

    return choice


def make_same(real: type) -> type:
    """Return a metaclass for a class that passes for another one, whose subclasses are themselves."""

    class Same(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real) if stands_in(cls) else type.__instancecheck__(cls, value)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real) if stands_in(cls) else type.__subclasscheck__(cls, other)

    def stands_in(cls: type) -> bool:
        return cls.__bases__ == (real,)

    return Same


def make_datetime(asked: Asked) -> type:
    """Return a class that is `datetime.datetime` but for its clock; what it makes is the real thing."""
    real = datetime.datetime

    class Recorded(real, metaclass=make_same(real)):  # type: ignore[metaclass, misc, valid-type]
        def __new__(cls, *arguments: Any, **named: Any) -> Any:
            return real.__new__(real if cls is Recorded else cls, *arguments, **named)

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            reader = asked(1)
            own = real.now if cls is Recorded else super().now
            return own(tz) if reader is None else reader.read("datetime.now", lambda: own(tz))

        @classmethod
        def utcnow(cls) -> Any:
            reader = asked(1)
            own = real.utcnow if cls is Recorded else super().utcnow
            return own() if reader is None else reader.read("datetime.utcnow", own)

        @classmethod
        def today(cls) -> Any:
            reader = asked(1)
            own = real.now if cls is Recorded else super().now
            return own() if reader is None else reader.read("datetime.today", own)

    return named_as(Recorded, real)


def make_date(asked: Asked) -> type:
    """Return a class that is `datetime.date` but for its clock."""
    real = datetime.date

    class Recorded(real, metaclass=make_same(real)):  # type: ignore[metaclass, misc, valid-type]
        def __new__(cls, *arguments: Any, **named: Any) -> Any:
            return real.__new__(real if cls is Recorded else cls, *arguments, **named)

        @classmethod
        def today(cls) -> Any:
            reader = asked(1)
            own = real.today if cls is Recorded else super().today
            return own() if reader is None else reader.read("date.today", own)

    return named_as(Recorded, real)


def named_as(stand_in: type, real: type) -> type:
    """Return the stand-in under the real one's name."""
    stand_in.__name__ = stand_in.__qualname__ = real.__name__
    stand_in.__module__ = real.__module__
    return stand_in
