"""What a handler prints, on its way to the session's log.

A line goes when it is complete, or when 64 KiB of it are there. A durable session that runs again says nothing until
it has come past what it had said before; what it said in a step that is not run again counts as passed.
"""

from __future__ import annotations

import io
import threading
from typing import Callable

# The longest line that the log keeps whole.
MOST_CHARACTERS = 65_536


class Prints(io.TextIOBase):
    """Stands for standard output and standard error, whose order in the log is that of the writing.

    One object for the whole process, because loggers keep the one that they found.
    """

    def __init__(self) -> None:
        self._say: Callable[[str], None] = drop
        self._silent = 0
        self._line = ""
        self.count = 0
        self._writing = threading.RLock()

    def begin(self, say: Callable[[str], None], *, silent: int = 0) -> None:
        """Say lines from now on, but not the first `silent` of them."""
        with self._writing:
            self._say, self._silent, self._line = say, silent, ""

    def pass_over(self, lines: int) -> None:
        """Take lines as come past that were said before and will not be written again."""
        with self._writing:
            self._silent = max(0, self._silent - lines)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What programs expect that ask for it."""
        return "utf-8"

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Take text; whole lines go on."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes text, not {type(text).__name__}")
        with self._writing:
            *lines, self._line = (self._line + text).split("\n") if "\n" in text else [self._line + text]
            for line in lines:
                self._emit(line)
            while len(self._line) > MOST_CHARACTERS:
                self._emit(self._line[:MOST_CHARACTERS])
                self._line = self._line[MOST_CHARACTERS:]
        return len(text)

    def finish(self) -> None:
        """Let the last line go, although nothing ended it, and say nothing more."""
        with self._writing:
            if self._line:
                self._emit(self._line)
            self._say, self._line = drop, ""

    def _emit(self, line: str) -> None:
        self.count += 1
        if self._silent:
            self._silent -= 1
        else:
            self._say(line)


def drop(line: str) -> None:
    """Say it to nobody: no session is running."""
