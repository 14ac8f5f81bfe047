"""What the death of servers costs: nothing accepted may be lost, and little may be late."""

import time

from bench.ledger import percentile
from bench.link import now_ns
from bench.rig import Outcome, Rig
from bench.row import Figure, Measured, Row
from bench.stack import Database

EVENTS_PER_SECOND = 500
BEFORE_SECONDS = 4.0
DOWN_SECONDS = 2.0
REDIS_RUN_SECONDS = 20.0  # 10,000 events
RESTART_RUN_SECONDS = 14.0
# An answer at once is recorded a few milliseconds later, some tens when the disk is slow.
IN_FLIGHT_NS = 100_000_000


def prepare(rig: Rig) -> None:
    """One endpoint."""
    rig.register("/ok/one")
    rig.warm_up(calls_per_second=EVENTS_PER_SECOND)


def measure_redis(rig: Rig, _seconds: float) -> Measured:
    """Redis dies and comes back empty; nobody touches the rest."""
    rig.begin(REDIS_RUN_SECONDS, calls_per_second=EVENTS_PER_SECOND)
    time.sleep(BEFORE_SECONDS)
    redis = rig.stack.processes["redis"]
    crash_ns = now_ns()
    redis.kill9()
    time.sleep(DOWN_SECONDS)
    redis.start()
    return judge(rig.finish(), crash_ns)


def measure_everything(rig: Rig, _seconds: float) -> Measured:
    """Every server process dies at the same moment and is started again."""
    rig.begin(RESTART_RUN_SECONDS, calls_per_second=EVENTS_PER_SECOND)
    time.sleep(BEFORE_SECONDS)
    crash_ns = now_ns()
    rig.stack.kill_everything()
    time.sleep(DOWN_SECONDS)
    rig.stack.restart_everything()
    ready_ns = now_ns()
    measured = judge(rig.finish(), crash_ns)
    return Measured({**measured.figures, "ready": (ready_ns - crash_ns) / 1e9}, measured.facts)


def judge(outcome: Outcome, crash_ns: int) -> Measured:
    """Compares what was accepted with what arrived.

    What was due before the crash counts from the crash, what fell due later from then.
    """
    delays = outcome.ledger.delays_ms(since_ns=crash_ns)
    firsts = outcome.ledger.first_arrivals
    twice = [(number, target) for number, target, _ in outcome.ledger.repeated]
    last_repeat_ns = max((time_ns for _, _, time_ns in outcome.ledger.repeated), default=crash_ns)
    recorded = sum(firsts[delivery] < crash_ns - IN_FLIGHT_NS for delivery in twice)
    refusals = outcome.sent.refusals()
    return Measured(
        {
            "lost": outcome.missing,
            "longest": percentile(delays, 100) / 1000,
            "twice": len(twice),
            "recorded_twice": recorded + len(twice) - len(set(twice)),
        },
        {
            "events": outcome.sent.events,
            "accepted": outcome.sent.accepted_events,
            **{f"answered_{status or 'never'}": count for status, count in refusals.items()},
            "last_repeat_s": (last_repeat_ns - crash_ns) / 1e9,
            "p99_after_crash_ms": percentile(delays, 99),
            "arrived_in_100_ms_before": outcome.arrivals.between(crash_ns - IN_FLIGHT_NS, crash_ns),
        },
    )


LOST = Figure("lost", "accepted and not delivered", "", 0, counts="worst")
LONGEST = Figure(
    "longest",
    "longest delay past the crash",
    "s",
    {Database.SQLITE: 3.0, Database.POSTGRESQL: 7.0},
    counts="worst",
)
TWICE = (
    Figure("twice", "delivered twice", ""),
    Figure("recorded_twice", "delivered twice and not in flight", "", 0, counts="worst"),
)

KILL_REDIS = Row(
    "kill-redis",
    f"kill -9 of Redis at {EVENTS_PER_SECOND}/s, back after {DOWN_SECONDS:.0f} s",
    (LOST, Figure("longest", "longest delay past the crash", "s"), *TWICE),
    prepare,
    measure_redis,
    (Database.POSTGRESQL,),
    is_destructive=True,
)
KILL_EVERYTHING = Row(
    "kill-everything",
    f"kill -9 of every server process at {EVENTS_PER_SECOND}/s, restarted after {DOWN_SECONDS:.0f} s",
    (LOST, LONGEST, *TWICE, Figure("ready", "API ready again after", "s")),
    prepare,
    measure_everything,
    is_destructive=True,
)
