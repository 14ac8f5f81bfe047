"""What the generator is told to do, and what it hands back. Both cross `bench.link`."""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.events import EVENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.link import Message


@dataclass(frozen=True, slots=True)
class Load:
    """How events are published.

    With `calls_per_second` the load is open: calls fall due by the clock, whatever the service does, and a
    call's time counts from when it fell due. Without, every connection sends its next call as soon as the
    one before is answered. `window` holds calls back while that many deliveries or more are on their way;
    it needs `deliveries_per_event`. With `path` the calls are requests to a trigger there, with a small body, and
    no events. `accepted` is the status of a good answer.
    """

    port: int
    key: str
    tag: str
    first: int
    seconds: float
    connections: int = 64
    calls_per_second: float | None = None
    events_per_call: int = 1
    batch: bool = False
    types: tuple[str, ...] = (EVENT_TYPE,)
    window: int | None = None
    deliveries_per_event: int = 1
    most_calls: int | None = None
    path: str | None = None
    accepted: int = 202

    def fields(self) -> dict[str, Any]:
        """The form that goes over the line."""
        return asdict(self)

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Load:
        """The inverse of `fields`."""
        return cls(**{**fields, "types": tuple(fields["types"])})


@dataclass(frozen=True, slots=True)
class Sent:
    """What was published: one entry a call in each array, times in nanoseconds of `bench.link.now_ns`.

    A status of 0 means that no answer came, or that nobody was there to connect to; such an event may or may
    not have been accepted, and promises nothing.
    """

    load: Load
    due_ns: array[int]
    written_ns: array[int]
    answered_ns: array[int]
    statuses: array[int]
    cpu_seconds: float

    @classmethod
    def of(cls, load: Load, message: Message) -> Sent:
        """Reads the generator's answer."""
        a = message.arrays
        return cls(load, a["due"], a["written"], a["answered"], a["statuses"], message.fields["cpu_seconds"])

    @property
    def calls(self) -> int:
        """How many calls fell due."""
        return len(self.statuses)

    @property
    def accepted_calls(self) -> int:
        """How many were answered as they should be."""
        return self.statuses.count(self.load.accepted)

    @property
    def accepted_events(self) -> int:
        """How many events those carried."""
        return self.accepted_calls * self.load.events_per_call

    @property
    def events(self) -> int:
        """How many events all calls carried."""
        return self.calls * self.load.events_per_call

    def accepted_numbers(self) -> Iterator[int]:
        """The numbers of the events in calls that were answered well."""
        size = self.load.events_per_call
        for call, status in enumerate(self.statuses):
            if status == self.load.accepted:
                first = self.load.first + call * size
                yield from range(first, first + size)

    def call_of(self, number: int) -> int | None:
        """The index of the call that carried an event, None when this load did not."""
        call = (number - self.load.first) // self.load.events_per_call
        return call if 0 <= call < len(self.statuses) else None

    def refusals(self) -> dict[int, int]:
        """How often each other status was the answer."""
        others = set(self.statuses) - {self.load.accepted}
        return {status: self.statuses.count(status) for status in others}

    def waits_ms(self) -> list[float]:
        """How long each call waited for its answer, counted from when it fell due, in order of length."""
        return sorted((a - d) / 1e6 for a, d in zip(self.answered_ns, self.due_ns, strict=True) if a)

    def accepted_per_second(self) -> float:
        """How many good answers there were for each second until the last one; none when there is no answer."""
        last_ns = max(self.answered_ns, default=0)
        return self.accepted_calls / (last_ns - self.due_ns[0]) * 1e9 if last_ns else 0.0
