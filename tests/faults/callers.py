"""Callers of triggers, each on a thread of its own: one call after the other, whatever happens to the service."""

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from tests.faults.orders import Orders
from tests.waiting import until

THREADS = 6
# Longer than anything that the service promises to answer within.
PATIENCE_SECONDS = 40
# So that a service that refuses at once is not called as fast as threads can.
PAUSE_SECONDS = 0.01

NOBODY_THERE = 0
HUNG = -1


@dataclass(frozen=True, slots=True)
class Called:
    """A call that has ended: NOBODY_THERE when no answer came, HUNG when the caller gave up."""

    trigger: str
    id: str
    status: int
    session_id: str | None
    ended: float


class Callers:
    """Calls of `triggers` in turn. The calls are in the order in which they ended."""

    def __init__(self, orders: Orders, *triggers: str) -> None:
        self._orders = orders
        self._triggers = itertools.cycle(triggers)
        self._numbers = itertools.count(1)
        self._choosing = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._call_on) for _ in range(THREADS)]
        self.calls: list[Called] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def flow(self, count: int) -> None:
        """Wait until as many more calls were answered well, of each trigger."""
        begun = time.monotonic()

        def answered() -> bool:
            since = [one.trigger for one in self.calls if one.ended > begun and one.status in (200, 202)]
            return all(since.count(trigger) >= count for trigger in {one.trigger for one in self.calls})

        until(lambda: self.calls and answered(), what="calls are answered", timeout_seconds=30)

    def accepted(self) -> Iterator[str]:
        """Yield the ids of the sessions that were answered 202."""
        return (one.session_id for one in self.calls if one.status == 202 and one.session_id)

    def _call_on(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            with self._choosing:
                trigger, number = next(self._triggers), next(self._numbers)
            self.calls.append(self._call(trigger, f"{trigger}-{number}"))

    def _call(self, trigger: str, id_: str) -> Called:
        status, session_id = NOBODY_THERE, None
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._orders.service.server.port or 0, timeout=PATIENCE_SECONDS
        )
        with contextlib.closing(connection):
            try:
                connection.request("POST", self._orders.paths[trigger], json.dumps(self._orders.order(id_)))
                answer = connection.getresponse()
                status, session_id = answer.status, answer.headers["aetherflow-session-id"]
            except TimeoutError:
                status = HUNG
            except (OSError, http.client.HTTPException):
                pass
        return Called(trigger, id_, status, session_id, time.monotonic())
