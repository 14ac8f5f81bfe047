"""How many events can be published in batches, when nobody wants them and when somebody does."""

import math

from bench.events import EVENT_TYPE
from bench.rig import Outcome, Rig
from bench.row import Figure, Measured, Row

CONNECTIONS = 4
EVENTS_PER_CALL = 1000
# What is accepted faster than it can be delivered piles up: about two seconds' worth, which drain in five.
CALLS = 40
UNWANTED_TYPE = "bench.unwanted"


def prepare(rig: Rig) -> None:
    """One endpoint, which wants one of the two types that are published."""
    rig.register("/ok/one")
    rig.warm_up(batch=True, events_per_call=EVENTS_PER_CALL, connections=CONNECTIONS, most_calls=4)


def measure(rig: Rig, seconds: float) -> Measured:
    """A fixed number of events of either type, as fast as they are taken."""
    unwanted = publish(rig, seconds, UNWANTED_TYPE, is_wanted=False, most_calls=CALLS)
    wanted = publish(rig, seconds, EVENT_TYPE, is_wanted=True, most_calls=CALLS)
    return Measured(
        {"unwanted": events_per_second(unwanted), "wanted": events_per_second(wanted)},
        {
            **wanted.facts(),
            "delivered_after_s": (max(wanted.arrivals.times, default=math.nan) - wanted.started_ns) / 1e9,
        },
        unwanted.problems() + wanted.problems(),
    )


def publish(rig: Rig, seconds: float, name: str, *, is_wanted: bool, most_calls: int) -> Outcome:
    """Publishes batches of one type."""
    return rig.publish(
        seconds,
        batch=True,
        events_per_call=EVENTS_PER_CALL,
        connections=CONNECTIONS,
        types=(name,),
        most_calls=most_calls,
        deliveries_per_event=int(is_wanted),
    )


def events_per_second(outcome: Outcome) -> float:
    """Events accepted from the first call to the last answer."""
    sent = outcome.sent
    return sent.accepted_events / (max(sent.answered_ns) - sent.due_ns[0]) * 1e9


BATCHES = Row(
    "batches",
    f"events published in batches of {EVENTS_PER_CALL:,}",
    (
        Figure("unwanted", "events without a subscriber", "/s", 20_000, "higher"),
        Figure("wanted", "events with one, delivered meanwhile", "/s", 20_000, "higher"),
    ),
    prepare,
    measure,
)
