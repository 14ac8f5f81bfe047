"""Compares what was accepted, what arrived and what was recorded.

The bound on doubles. An attempt is repeated, under the same number, only if its result was never recorded:

1. whatever was recorded is never sent again, so the one recorded attempt of a doubled number is the repetition:
   it started after the fault;
2. the request before it was sent by the process that died, or while the database was away, so it had arrived
   when that was over, but for what lay in the receiver's socket buffer;
3. one fault costs a delivery one repetition, so a number arrives twice at most.

The number of doubles is thereby at most the number of requests that were on the wire, or answered and not yet
recorded, at the moment of the fault. Where no sender dies and no database, there is none.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.faults.publisher import RETRIED, Call
from tests.faults.records import Delivery
from tests.ledger import Entry

SECOND_NS = 1_000_000_000
# The ledger reads what a process wrote before its death when it gets a processor.
RECEIVER_LAG_NS = SECOND_NS // 2
ACCEPTED = 202
UNAVAILABLE = 503
UNANSWERED = 0
# Mistakes of one kind that a failure shows.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """What happened when, and until when attempts could be sent whose results were then lost.

    `unrecorded_until_ns` is None when no result could be lost.
    """

    title: str
    at_ns: int
    unrecorded_until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The ids of the two endpoints at the ledger."""

    all_events: str
    retried_only: str

    @property
    def ids(self) -> set[str]:
        return {self.all_events, self.retried_only}

    def receivers(self, event_type: str) -> list[str]:
        """Return who gets events of this type."""
        return [self.all_events, *([self.retried_only] if event_type == RETRIED else [])]


@dataclass(slots=True)
class Findings:
    """The outcome of one trial; `mistakes` is empty if every promise was kept."""

    accepted: int
    answers: Counter[int]
    delivered: int = 0
    lost: int = 0
    doubled: int = 0
    longest_delay_seconds: float = 0.0
    oldest_double_seconds: float = 0.0
    mistakes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, kind: str, instance: object) -> None:
        """Take down a broken promise."""
        self.mistakes[kind].append(str(instance))

    def report(self) -> str:
        """Return what is wrong, each kind with some instances."""
        return "\n".join(
            f"{len(all_)} times: {kind}\n" + "\n".join(f"    {one}" for one in all_[:SHOWN])
            for kind, all_ in self.mistakes.items()
        )


def compare(
    calls: list[Call],
    entries: list[Entry],
    deliveries: dict[str, Delivery],
    *,
    endpoints: Endpoints,
    fault: Fault,
) -> Findings:
    """Hold the three accounts against each other; deliveries to other endpoints are left out."""
    deliveries = {id_: one for id_, one in deliveries.items() if one.endpoint_id in endpoints.ids}
    answers = Counter(call.status for call in calls)
    findings = Findings(answers[ACCEPTED], answers)
    for status in answers.keys() - {ACCEPTED, UNAVAILABLE, UNANSWERED}:
        findings.note("an answer is neither 202 nor 503", f"{answers[status]} calls were answered {status}")
    find_losses(findings, calls, entries, deliveries, endpoints=endpoints, fault=fault)
    find_unfinished(findings, deliveries)
    find_doubles(findings, entries, deliveries, fault=fault)
    return findings


def find_losses(
    findings: Findings,
    calls: list[Call],
    entries: list[Entry],
    deliveries: dict[str, Delivery],
    *,
    endpoints: Endpoints,
    fault: Fault,
) -> None:
    """See that every event has its deliveries, and that those of accepted ones arrived."""
    first_arrivals: dict[str, int] = {}
    for entry in entries:
        first_arrivals.setdefault(entry.delivery_id, entry.arrived_ns)
    by_event: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries.values():
        by_event[delivery.event_id].append(delivery)
    for call in calls:
        found = by_event[call.event_id]
        wanted = endpoints.receivers(call.type) if found or call.status == ACCEPTED else []
        if sorted(one.endpoint_id for one in found) != sorted(wanted):
            findings.note("an event has other deliveries than its endpoints", (call, found))
        if call.status != ACCEPTED:
            continue
        findings.lost += max(0, len(wanted) - len(found))
        for delivery in found:
            arrived_ns = first_arrivals.get(delivery.id)
            if arrived_ns is None:
                findings.lost += 1
                findings.note("an accepted event did not arrive", delivery)
                continue
            findings.delivered += 1
            if arrived_ns >= fault.at_ns:
                delay_ns = arrived_ns - max(call.written_ns, fault.at_ns)
                findings.longest_delay_seconds = max(findings.longest_delay_seconds, delay_ns / SECOND_NS)


def find_unfinished(findings: Findings, deliveries: dict[str, Delivery]) -> None:
    """See that every delivery ended well, and that its attempts are numbered without gaps."""
    for delivery in deliveries.values():
        numbers = [attempt.number for attempt in delivery.attempts]
        if delivery.status != "succeeded":
            findings.note("a delivery has not succeeded", delivery)
        elif numbers != list(range(1, delivery.attempt_count + 1)) or not numbers:
            findings.note("attempts are not numbered from 1 without gaps", delivery)
        elif [attempt.result == "2xx" for attempt in delivery.attempts] != [
            n == numbers[-1] for n in numbers
        ]:
            findings.note("a success is not the last attempt", delivery)


def find_doubles(
    findings: Findings, entries: list[Entry], deliveries: dict[str, Delivery], *, fault: Fault
) -> None:
    """See that what arrived is what was recorded, and that what arrived twice had to."""
    arrivals: dict[tuple[str, int], list[int]] = defaultdict(list)
    for entry in entries:
        arrivals[entry.delivery_id, entry.attempt].append(entry.arrived_ns)
    recorded = {(one.id, attempt.number): attempt for one in deliveries.values() for attempt in one.attempts}
    for pair in arrivals.keys() - recorded.keys():
        findings.note("an attempt arrived and is not recorded", pair)
    for pair in recorded.keys() - arrivals.keys():
        findings.note("an attempt is recorded and did not arrive", pair)
    for pair, times_ns in arrivals.items():
        if len(times_ns) == 1 or pair not in recorded:
            continue
        findings.doubled += 1
        seconds = [(time_ns - fault.at_ns) / SECOND_NS for time_ns in times_ns]
        findings.oldest_double_seconds = max(findings.oldest_double_seconds, -seconds[0])
        started = (recorded[pair].started_ns - fault.at_ns) / SECOND_NS
        story = f"{pair} arrived at {seconds} s from the fault; recorded: started at {started} s"
        if fault.unrecorded_until_ns is None:
            findings.note("an attempt arrived twice although nothing that sends or records died", story)
        elif len(times_ns) > 2:
            findings.note("an attempt arrived more than twice", story)
        elif recorded[pair].started_ns < fault.at_ns:
            findings.note("an attempt that was recorded was made again", story)
        elif times_ns[0] > fault.unrecorded_until_ns + RECEIVER_LAG_NS:
            findings.note("an attempt that was not in flight was made again", story)
