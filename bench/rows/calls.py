"""How many single events can be published, when they are delivered at the same time."""

from bench.ledger import percentile
from bench.rig import Rig
from bench.row import Figure, Measured, Row

CONNECTIONS = 64
LATE_NS = 2_000_000_000


def prepare(rig: Rig) -> None:
    """One endpoint, so that every call is also a delivery."""
    rig.register("/ok/one")
    rig.warm_up(connections=CONNECTIONS)


def measure(rig: Rig, seconds: float) -> Measured:
    """Every connection sends its next call as soon as the one before is answered."""
    outcome = rig.publish(seconds, connections=CONNECTIONS)
    sent = outcome.sent
    last_answer_ns = max(sent.answered_ns)
    late = sum(arrived > last_answer_ns + LATE_NS for arrived in outcome.ledger.first_arrivals.values())
    answers = sorted((a - d) / 1e6 for a, d in zip(sent.answered_ns, sent.due_ns, strict=True) if a)
    return Measured(
        {
            "calls": sent.accepted_calls / (last_answer_ns - sent.due_ns[0]) * 1e9,
            "late": late + outcome.missing,
        },
        {
            **outcome.facts(),
            "answer_p50_ms": percentile(answers, 50),
            "answer_p99_ms": percentile(answers, 99),
            "received_p99_ms": percentile(outcome.ledger.delays_ms(), 99),
        },
        outcome.problems(),
    )


MOST_CALLS = Row(
    "calls",
    f"single publish calls, one API process, {CONNECTIONS} connections, delivered as they come",
    (
        Figure("calls", "calls", "/s", 3000, "higher"),
        Figure("late", "not delivered 2 s after the end", "", 0, counts="worst"),
    ),
    prepare,
    measure,
)
