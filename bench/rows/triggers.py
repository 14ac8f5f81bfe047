"""Requests to triggers: how soon and how many are accepted, and how soon and how many are answered by a handler."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.ledger import percentile
from bench.load import Sent
from bench.rig import Rig
from bench.row import Figure, Measured, Row

PROGRAM = Path(__file__).parents[1] / "programs" / "inbound"

WARM_UP_SECONDS = 1.0
# Few enough that what a call starts has ended when the next one falls due.
IDLE_CALLS_PER_SECOND = 25

Figures = Callable[[Sent], dict[str, float]]


def row(
    name: str,
    title: str,
    figures: tuple[Figure, ...],
    *,
    trigger: str,
    is_destructive: bool = False,
    **load: Any,
) -> Row:
    """A row that calls one trigger of the program; `load` as in `Load`."""

    def prepare(rig: Rig) -> None:
        warm = rig.call(path_of(rig, trigger), WARM_UP_SECONDS, **load)
        if not warm.accepted_calls:
            raise RuntimeError(f"nothing is accepted: {warm.refusals()}")

    def measure(rig: Rig, seconds: float) -> Measured:
        sent = rig.call(path_of(rig, trigger), seconds, **load)
        waits = sent.waits_ms()
        measured = {
            "p50": percentile(waits, 50),
            "p99": percentile(waits, 99),
            "calls": sent.accepted_per_second(),
        }
        refusals = sent.refusals()
        return Measured(
            {figure.key: measured[figure.key] for figure in figures},
            measured | {"accepted": sent.accepted_calls, "longest_ms": percentile(waits, 100)},
            [f"calls not answered {sent.load.accepted}: {refusals}"] if refusals else [],
        )

    return Row(name, title, figures, prepare, measure, is_destructive=is_destructive)


def path_of(rig: Rig, trigger: str) -> str:
    """Where a trigger is; deploys the program if that has not been done."""
    return rig.stack.deploy(PROGRAM)[trigger]


TRIGGER_IDLE = row(
    "trigger-idle",
    f"asynchronous trigger, {IDLE_CALLS_PER_SECOND}/s, from request to 202, which follows the commit",
    (Figure("p50", "p50", "ms", 3), Figure("p99", "p99", "ms", 10)),
    trigger="background",
    connections=4,
    calls_per_second=IDLE_CALLS_PER_SECOND,
)
TRIGGER_MOST = row(
    "trigger-most",
    "asynchronous triggers, 64 connections, performed as they come",
    (Figure("calls", "accepted", "/s", 1500, "higher"),),
    trigger="background",
    connections=64,
    # What one run leaves to be performed would slow the next one down.
    is_destructive=True,
)
ANSWER_WARM = row(
    "answer-warm",
    "synchronous trigger, one connection, trivial handler, from request to its answer",
    (Figure("p50", "p50", "ms", 6), Figure("p99", "p99", "ms", 20)),
    trigger="answer",
    connections=1,
    accepted=200,
)
ANSWER_MOST = row(
    "answer-most",
    "synchronous triggers, 16 connections, trivial handler",
    (Figure("calls", "answered", "/s", 500, "higher"),),
    trigger="answer",
    connections=16,
    accepted=200,
)
DURABLE_STEPS = row(
    "durable-steps",
    "durable session with 10 recorded steps, one connection, from request to its answer",
    (Figure("p50", "p50", "ms", 40),),
    trigger="steps",
    connections=1,
    accepted=200,
)
