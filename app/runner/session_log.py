"""The log of a running session: numbered entries, within bounds.

A session may log 10,000 lines or one MiB of text, however often it is taken up again. The line that would go beyond
is replaced by one entry that says so, and after it only what the service itself has to say is kept.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from app.store.hot.session_rows import NewLogEntry

MOST_LINES = 10_000
MOST_CHARACTERS = 1_048_576

TRUNCATED = "truncated: the session has said more than the log keeps"

# What a session says itself, as against what the service says of it.
SPOKEN = frozenset({"print", "outcome"})


class SessionLog:
    """Makes the entries of one session, numbered on from those that it has.

    `characters` have been said before, by the same session; `is_cut` if that was too much already.
    """

    def __init__(
        self, length: int, clock: Callable[[], datetime], *, characters: int = 0, is_cut: bool = False
    ) -> None:
        self._length = length
        self._clock = clock
        self._lines = length
        self._characters = characters
        self._is_cut = is_cut

    def add(self, kind: str, text: str | None = None, data: Any = None) -> list[NewLogEntry]:
        """Return the entry as a list of one, or of none when the session has said too much."""
        if text is not None:
            text = fit_for_text(text)
        data_text = None if data is None else json.dumps(data)
        if kind in SPOKEN:
            self._lines += 1
            self._characters += len(text or "") + len(data_text or "")
            if self._is_cut:
                return []
            if self._lines > MOST_LINES or self._characters > MOST_CHARACTERS:
                self._is_cut = True
                kind, text, data_text = "print", TRUNCATED, None
        self._length += 1
        return [NewLogEntry(self._length, self._clock(), kind, text, data_text)]


def fit_for_text(text: str) -> str:
    """Return text that every database takes: without U+0000 and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
