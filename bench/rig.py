"""One service under test with a receiver and a load generator around it: what the rows are written in."""

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.costs import Costs, cpu_seconds
from bench.counter import make_counter, open_counter
from bench.events import EVENT_TYPE
from bench.ledger import Arrivals, Ledger, lateness_ms, percentile
from bench.link import Child, now_ns
from bench.load import Load, Sent
from bench.stack import Backing, Stack, run_stack

OTHERS = "cores_taken_by_others"  # a fact that every report looks at
Expects = Callable[[int], bool]

WARM_UP_SECONDS = 2.0
DRAIN_SECONDS = 20.0  # what has not arrived then is called missing
LOOK_SECONDS = 0.02
# After the last arrival the service still records results, which belongs to what a delivery costs.
SETTLE_SECONDS = 0.5


def anything(_number: int) -> bool:
    """Expects the deliveries of every event."""
    return True


@dataclass(frozen=True, slots=True)
class Outcome:
    """One finished load: what was sent, what arrived, and what it cost until the last result was recorded."""

    sent: Sent
    arrivals: Arrivals
    ledger: Ledger
    missing: int
    costs: Costs
    started_ns: int
    published_ns: int
    ended_ns: int

    @property
    def deliveries(self) -> int:
        """How many requests arrived."""
        return len(self.arrivals.times)

    @property
    def server_seconds(self) -> float:
        """Processor time of all server processes."""
        return sum(self._server_costs().values())

    def problems(self) -> list[str]:
        """Why this run's figures do not count: not everything was accepted, or arrived, or arrived once."""
        found = []
        if refusals := self.sent.refusals():
            found.append(f"publish calls not answered 202: {refusals}")
        if self.missing:
            found.append(f"{self.missing} deliveries missing {DRAIN_SECONDS:.0f} s after the last call")
        if self.ledger.repeated:
            found.append(f"{len(self.ledger.repeated)} deliveries came twice although nothing crashed")
        return found

    def facts(self) -> dict[str, float]:
        """What a reader needs to judge the figures: amounts, and what each part took from the machine."""
        deliveries = max(1, self.deliveries)
        events = max(1, self.sent.events)
        others = self.costs.machine - sum(self.costs.parts.values())
        return {
            "events": self.sent.events,
            "accepted": self.sent.accepted_events,
            "deliveries": self.deliveries,
            "generator_late_p99_ms": percentile(lateness_ms(self.sent), 99),
            "generator_us_per_event": self.costs.parts["generator"] / events * 1e6,
            "receiver_us_per_delivery": self.costs.parts["receiver"] / deliveries * 1e6,
            **{f"{name}_ms_per_delivery": s / deliveries * 1e3 for name, s in self._server_costs().items()},
            OTHERS: others / ((self.ended_ns - self.started_ns) / 1e9),
        }

    def _server_costs(self) -> Mapping[str, float]:
        ours = ("receiver", "generator", "benchmark")
        return {name: seconds for name, seconds in self.costs.parts.items() if name not in ours}


class Rig:
    """Publishes through the stack and collects at the receiver. Event numbers never repeat."""

    def __init__(self, stack: Stack, receiver: Child, generator: Child, counted: memoryview) -> None:
        self.stack = stack
        self._receiver = receiver
        self._generator = generator
        self._counted = counted
        self._receiver_port = receiver.hear().fields["port"]
        self._tag = secrets.token_hex(4)
        self._next_number = 0

    def register(self, path: str, *, events: Sequence[str] = (EVENT_TYPE,)) -> str:
        """Registers an endpoint at the receiver; see `bench.receiver` for what paths mean. Returns its id."""
        return self.stack.register(self.url(path), events=events)

    def url(self, path: str) -> str:
        """Where the receiver is."""
        return f"http://127.0.0.1:{self._receiver_port}{path}"

    def publish(self, seconds: float, *, expects: Expects = anything, **load: Any) -> Outcome:
        """Publishes for some seconds and waits until everything has arrived; `load` as in `Load`."""
        self.begin(seconds, **load)
        return self.finish(expects=expects)

    def warm_up(self, **load: Any) -> None:
        """Publishes for a moment, uncounted. Raises RuntimeError when nothing at all arrives."""
        outcome = self.publish(WARM_UP_SECONDS, **load)
        if not outcome.deliveries:
            raise RuntimeError(f"nothing arrives: {'; '.join(outcome.problems())}")

    def call(self, path: str, seconds: float, **load: Any) -> Sent:
        """Sends requests to a trigger for some seconds, and waits for their answers; `load` as in `Load`."""
        asked = Load(self.stack.port, self.stack.key, self._tag, 0, seconds, path=path, **load)
        self._generator.tell(**asked.fields())
        return Sent.of(asked, self._generator.hear())

    def begin(self, seconds: float, **load: Any) -> None:
        """Starts to publish, and returns at once."""
        self._load = Load(
            port=self.stack.port,
            key=self.stack.key,
            tag=self._tag,
            first=self._next_number,
            seconds=seconds,
            **load,
        )
        self._receiver.ask(do="take")
        self._counted_before = self._counted[0]
        self._costs_before = self._costs()
        self._started_ns = now_ns()
        self._generator.tell(**self._load.fields())

    def finish(self, *, expects: Expects = anything) -> Outcome:
        """Waits until publishing has ended and all deliveries of the expected events have arrived."""
        sent = Sent.of(self._load, self._generator.hear())
        published_ns = now_ns()
        self._next_number += sent.events
        arrivals, ledger, missing = self._await_arrivals(sent, expects)
        time.sleep(SETTLE_SECONDS)
        return Outcome(
            sent=sent,
            arrivals=arrivals,
            ledger=ledger,
            missing=missing,
            costs=self._costs().since(self._costs_before),
            started_ns=self._started_ns,
            published_ns=published_ns,
            ended_ns=now_ns(),
        )

    def _await_arrivals(self, sent: Sent, expects: Expects) -> tuple[Arrivals, Ledger, int]:
        arrivals = Arrivals()
        deadline = time.monotonic() + DRAIN_SECONDS
        wanted = sum(map(expects, sent.accepted_numbers())) * sent.load.deliveries_per_event
        while True:
            while self._arrived() < wanted and time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)
            arrivals.add(self._receiver.ask(do="take"))
            ledger = Ledger.of(sent, arrivals)
            missing = ledger.missing(expects)
            if not missing or time.monotonic() > deadline:
                return arrivals, ledger, missing
            # What came twice, or was not expected, has been counted too.
            wanted = len(arrivals.times) + missing

    def _arrived(self) -> int:
        return int(self._counted[0]) - self._counted_before

    def _costs(self) -> Costs:
        costs = self.stack.costs()
        ours = {
            "receiver": self._receiver.pid,
            "generator": self._generator.pid,
            "benchmark": os.getpid(),
        }
        return Costs(
            {**costs.parts, **{name: cpu_seconds([pid]) for name, pid in ours.items()}}, costs.machine
        )


@contextlib.contextmanager
def run_rig(backing: Backing | None) -> Iterator[Rig]:
    """Runs a fresh service with a receiver and a generator until the end of the block."""
    with contextlib.ExitStack() as running:
        stack = running.enter_context(run_stack(backing))
        path = Path(running.enter_context(tempfile.TemporaryDirectory()), "arrivals")
        make_counter(path)
        counted = running.enter_context(open_counter(path))
        receiver = Child("bench.receiver", str(path))
        running.callback(receiver.close)
        generator = Child("bench.generator", str(path))
        running.callback(generator.close)
        yield Rig(stack, receiver, generator, counted)
