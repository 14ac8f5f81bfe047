"""From publishing an event to its arrival, at a fixed rate."""

from bench.ledger import percentile
from bench.rig import Rig
from bench.row import Figure, Measured, Row
from bench.stack import Database


def row(calls_per_second: int, p50_ms: dict[Database, float], p99_ms: dict[Database, float]) -> Row:
    """The row for one rate."""

    def prepare(rig: Rig) -> None:
        rig.register("/ok/one")
        rig.warm_up(calls_per_second=calls_per_second)

    def measure(rig: Rig, seconds: float) -> Measured:
        outcome = rig.publish(seconds, calls_per_second=calls_per_second)
        delays = outcome.ledger.delays_ms()
        return Measured(
            {"p50": percentile(delays, 50), "p99": percentile(delays, 99)},
            {**outcome.facts(), "p90_ms": percentile(delays, 90), "longest_ms": percentile(delays, 100)},
            outcome.problems(),
        )

    return Row(
        f"latency-{calls_per_second}",
        f"publish to received at {calls_per_second:,}/s, one endpoint",
        (Figure("p50", "p50", "ms", p50_ms), Figure("p99", "p99", "ms", p99_ms)),
        prepare,
        measure,
    )


LATENCY_200 = row(
    200,
    {Database.POSTGRESQL: 1.5, Database.SQLITE: 1.2},
    {Database.POSTGRESQL: 2.5, Database.SQLITE: 2.0},
)
LATENCY_1000 = row(1000, dict.fromkeys(Database, 3.0), dict.fromkeys(Database, 10.0))
