"""Compares what was accepted with what arrived."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.load import Sent
from bench.receiver import ENDPOINT_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from bench.link import Message

MILLISECOND_NS = 1_000_000


@dataclass(slots=True)
class Arrivals:
    """Every arrival at the receiver, in order; grows by what is taken from it."""

    times: array[int] = field(default_factory=lambda: array("q"))
    marks: array[int] = field(default_factory=lambda: array("q"))
    targets: list[str] = field(default_factory=list)

    def add(self, message: Message) -> None:
        """Appends what the receiver handed out."""
        self.times.extend(message.arrays["times"])
        self.marks.extend(message.arrays["marks"])
        self.targets = message.fields["targets"]

    def each(self) -> Iterator[tuple[int, int, str]]:
        """Yields (time in nanoseconds, event's number, target) of every arrival."""
        mask = (1 << ENDPOINT_BITS) - 1
        for time_ns, mark in zip(self.times, self.marks, strict=True):
            yield time_ns, mark >> ENDPOINT_BITS, self.targets[mark & mask]

    def between(self, from_ns: int, until_ns: int) -> int:
        """How many arrived in a span of time."""
        return sum(from_ns <= time_ns < until_ns for time_ns in self.times)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One load and what became of it, by event number and target, with times in nanoseconds."""

    sent: Sent
    first_arrivals: dict[tuple[int, str], int]
    repeated: list[tuple[int, str, int]]

    @classmethod
    def of(cls, sent: Sent, arrivals: Arrivals) -> Ledger:
        """Sorts the arrivals of a load's events; those of other loads are left out."""
        firsts: dict[tuple[int, str], int] = {}
        repeated = []
        for time_ns, number, target in arrivals.each():
            if sent.call_of(number) is None:
                continue
            if (number, target) in firsts:
                repeated.append((number, target, time_ns))
            else:
                firsts[number, target] = time_ns
        return cls(sent, firsts, repeated)

    def missing(self, expects: Callable[[int], bool]) -> int:
        """How many deliveries of accepted events have not arrived, of the events that are expected to."""
        counts = Counter(number for number, _ in self.first_arrivals)
        wanted = self.sent.load.deliveries_per_event
        return sum(max(0, wanted - counts[n]) for n in self.sent.accepted_numbers() if expects(n))

    def delays_ms(self, *, at: Container[str] | None = None, since_ns: int = 0) -> list[float]:
        """Milliseconds from due to arrived, ascending, of accepted events, at some targets or at all.

        With `since_ns`, what fell due before that moment counts from it, and what had arrived by then not.
        """
        delays = []
        for (number, target), time_ns in self.first_arrivals.items():
            call = self.sent.call_of(number)
            if call is None or self.sent.statuses[call] != 202 or (at is not None and target not in at):
                continue
            if time_ns >= since_ns:
                delays.append((time_ns - max(self.sent.due_ns[call], since_ns)) / MILLISECOND_NS)
        return sorted(delays)


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; not a number when there are no values."""
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]


def lateness_ms(sent: Sent) -> list[float]:
    """Milliseconds from due to written, ascending: the generator's own part of every delay."""
    pairs = zip(sent.due_ns, sent.written_ns, strict=True)
    return sorted((written - due) / MILLISECOND_NS for due, written in pairs if written)
