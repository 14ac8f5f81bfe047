"""What a durable session remembers: every result that could differ when the handler runs again.

1. Each record has a position. A handler that runs again asks for the same results in the same order, and gets the
   recorded ones until they end.
2. If it asks for something else than what was recorded there, the program has changed or decides by something
   that is not recorded. That is an error with the position and the line, never a wrong result.
3. A step's result, or a request to the service, is on disk before the handler goes on. Readings of clock and chance
   are sent and not waited for: they have no effect of their own, and go out before whatever follows them.
4. A handler that goes on after such an error, or ends before it has asked for all that was recorded, has failed.
5. The record of a step begins with the number of lines that it printed, if it did: they are in the log, and do not
   come again.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, TypeVar

from aetherflow.errors import AetherFlowError
from aetherflow.runner.channel import Channel
from aetherflow.runner.prints import Prints
from aetherflow.runner.recording import RAISED, REFUSED, keep, keep_raised, restore

T = TypeVar("T")

# No record's own text begins with one.
DIGITS = "0123456789"


class DeterminismError(AetherFlowError):
    """A durable handler did something else than when it ran before."""


class Journal:
    """The records of one session, and the place that the handler has come to."""

    def __init__(self, channel: Channel, records: list[list[str]], folder: str, prints: Prints) -> None:
        self._channel = channel
        self._records = records
        self._folder = folder
        self._prints = prints
        self._mismatch: DeterminismError | None = None
        self.position = 0

    @property
    def is_replaying(self) -> bool:
        """Whether the next result has been recorded."""
        return self.position < len(self._records)

    def recall(self, kind: str, name: str) -> Any:
        """Return the next recorded result, or raise the exception that was recorded.

        Raises:
            DeterminismError: something else was recorded here.
        """
        recorded_kind, recorded_name, text = self._records[self.position]
        if (recorded_kind, recorded_name) != (kind, storable(name)):
            raise self._differ(f"now asks for {describe(kind, name)}")
        self.position += 1
        lines = text[: len(text) - len(text.lstrip(DIGITS))]
        self._prints.pass_over(int(lines or 0))
        text = text[len(lines) :]
        result = restore(text)
        if text[0] in (RAISED, REFUSED):
            raise result
        return result

    def compute(self, kind: str, name: str, function: Callable[[], T]) -> T:
        """Return the recorded result of a step, or run it and record its result or its exception."""
        if self.is_replaying:
            recalled: T = self.recall(kind, name)
            return recalled
        of = describe(kind, name)
        before = self._prints.count
        try:
            result = function()
        except Exception as error:
            text, raised = keep_raised(error, of=of)
            self._record_step(kind, name, text, lines=self._prints.count - before)
            if raised is error:
                raise
            raise raised from error
        self._record_step(kind, name, keep(result, of=of), lines=self._prints.count - before)
        return result

    def read(self, name: str, function: Callable[[], T]) -> T:
        """Return the recorded reading of clock or chance, or take one."""
        if self.is_replaying:
            recalled: T = self.recall("reading", name)
            return recalled
        value = function()
        self._record("reading", name, keep(value, of=name), awaited=False)
        return value

    def tell(self, fact: str, details: dict[str, Any]) -> None:
        """Tell the service of the beginning or the end of a block, once however often the handler runs."""
        if self.is_replaying:
            self.recall(fact, details["name"])
            return
        record = [self.position + 1, fact, storable(details["name"]), keep(None, of=fact)]
        # In one message, so that either both are written or neither is.
        self._channel.send({"tell": fact, "details": details, "record": record})
        self.position += 1

    def check_end(self) -> None:
        """Accept that the handler returns.

        Raises:
            DeterminismError: it has gone another way than when it ran before.
        """
        if self._mismatch is not None:
            raise self._mismatch
        if self.is_replaying:
            raise self._differ("now ends")

    def next_seq(self) -> int:
        """Take the next position for a record that the service writes itself."""
        self.position += 1
        return self.position

    def _record_step(self, kind: str, name: str, text: str, *, lines: int) -> None:
        self._record(kind, name, f"{lines}{text}" if lines else text, awaited=True)

    def _record(self, kind: str, name: str, text: str, *, awaited: bool) -> None:
        message: dict[str, Any] = {"record": [self.position + 1, kind, storable(name), text]}
        # What cannot be sent takes no position.
        self._channel.send({**message, "awaited": True} if awaited else message)
        self.position += 1
        if not awaited:
            return
        answer = self._channel.receive()
        if "error" in answer:
            raise AetherFlowError(answer["error"]["message"])

    def _differ(self, doing: str) -> DeterminismError:
        kind, name, _ = self._records[self.position]
        self._mismatch = DeterminismError(
            f"record {self.position + 1}{self._line()}: the session recorded {describe(kind, name)} here, and "
            f"{doing}. A durable handler must ask for the same things in the same order each time it runs."
        )
        return self._mismatch

    def _line(self) -> str:
        """Return the line of the author's program that is being run."""
        frame = sys._getframe(1)
        while frame is not None:
            path = frame.f_code.co_filename
            if path.startswith(self._folder):
                return f" ({os.path.relpath(path, self._folder)}, line {frame.f_lineno})"
            if frame.f_back is None:
                return ""
            frame = frame.f_back
        return ""


def describe(kind: str, name: str) -> str:
    """Return how a record is spoken of."""
    return f"{kind} `{name}`" if name else kind


def storable(name: str) -> str:
    """Return a name as databases keep it: without U+0000 and lone surrogates."""
    return name.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
