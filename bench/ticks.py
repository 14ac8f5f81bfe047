"""A steady beat for the event loop.

The loop's own timers are whole milliseconds, which is as long as what is measured; a timerfd of the kernel
is precise to some 50 microseconds and wakes the loop like a socket.
"""

import asyncio
import ctypes
import os
from collections.abc import Callable

CLOCK_MONOTONIC = 1
NANOSECONDS = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("first", _Timespec))


class Ticks:
    """Calls a function every so many seconds between `start` and `stop`."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        whole, rest = divmod(round(seconds * NANOSECONDS), NANOSECONDS)
        self._setting = _Setting(_Timespec(whole, rest), _Timespec(whole, rest))
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._wake)

    def start(self) -> None:
        """Begins the beat; the first call comes after one interval."""
        self._libc.timerfd_settime(self._descriptor, 0, ctypes.byref(self._setting), None)

    def stop(self) -> None:
        """Ends the beat."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _wake(self) -> None:
        os.read(self._descriptor, 8)
        self._call()
