"""What a handler prints, on its way to the session's log.

A line goes when it is complete, or when 64 KiB of it are there. A durable session that runs again says nothing until
it has come past what it had said before; what it said in a step that is not run again counts as passed.
"""

from __future__ import annotations

import codecs
import io
import threading
from typing import Any, Callable

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
        # Where programs write what is encoded already.
        self.buffer = Bytes(self)

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
                self._emit(self._emit_excess(line))
            self._line = self._emit_excess(self._line)
        return len(text)

    def finish(self) -> None:
        """Let the last line go, although nothing ended it, and say nothing more."""
        with self._writing:
            if self._line:
                self._emit(self._line)
            self._say, self._line = drop, ""

    def silence(self) -> None:
        """Say nothing more: this process was forked from the one that speaks."""
        # A thread that is not here may have held the lock.
        self._writing = threading.RLock()
        self._say, self._line = drop, ""

    def close(self) -> None:
        """Stay open: the next session prints here as well."""

    def reconfigure(self, **_: Any) -> None:
        """Accept what programs want of encoding and buffering; both are as they are."""

    def _emit_excess(self, line: str) -> str:
        """Say what is too long for one line, in pieces, and return the rest."""
        start = 0
        while len(line) - start > MOST_CHARACTERS:
            self._emit(line[start : start + MOST_CHARACTERS])
            start += MOST_CHARACTERS
        return line[start:]

    def _emit(self, line: str) -> None:
        self.count += 1
        if self._silent:
            self._silent -= 1
        else:
            self._say(line)


class Bytes(io.BufferedIOBase):
    """Takes bytes and hands them on as text."""

    def __init__(self, prints: Prints) -> None:
        self._prints = prints
        # A character may come in two writes.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: Any) -> int:
        """Take bytes in UTF-8; what is none is replaced."""
        taken = bytes(content)
        self._prints.write(self._decoder.decode(taken))
        return len(taken)

    def close(self) -> None:
        """Stay open: whoever wrapped it closes it with the wrapper."""


def drop(line: str) -> None:
    """Say it to nobody: no session is running."""
