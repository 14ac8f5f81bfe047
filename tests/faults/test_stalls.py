"""A server that the service depends on is frozen: it keeps its connections and answers nothing.

Which answers come is asserted, and that those that time-outs promise come while the server still stands.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.findings import ACCEPTED, SECOND_NS, UNAVAILABLE, Fault
from tests.faults.publisher import Call
from tests.faults.trial import Trial
from tests.faults.wirings import DISTRIBUTED
from tests.postgres_server import Postgres
from tests.processes import Process
from tests.redis_server import Redis

pytestmark = pytest.mark.slow

STALL_SECONDS = 3
# Beyond a lease of 5 s, and the time-out for the database: 5 s, and one more to have the statement cancelled.
LONG_STALL_SECONDS = 8


@DISTRIBUTED
def test_publishing_goes_on_while_redis_is_frozen(trial: Trial, own_redis: Redis) -> None:
    with trial.load() as load:
        load.flow()
        at_ns = time.time_ns()
        with frozen(own_redis, STALL_SECONDS):
            pass
        thawed_ns = time.time_ns()
        load.flow()
    calls = trial.judge(Fault(f"Redis frozen for {STALL_SECONDS} s", at_ns))
    assert Counter(call.status for call in calls) == {ACCEPTED: len(calls)}
    assert_answered_before(thawed_ns, sent_in_first_second(calls, at_ns))


@DISTRIBUTED
def test_publishing_waits_for_a_database_that_is_frozen_for_a_moment(
    trial: Trial, own_postgres: Postgres
) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault(f"PostgreSQL frozen for {STALL_SECONDS} s", time.time_ns())
        with frozen(own_postgres, STALL_SECONDS):
            pass
        load.flow()
    calls = trial.judge(fault)
    assert all(call.status in (ACCEPTED, UNAVAILABLE) for call in calls)


@DISTRIBUTED
def test_publishing_is_refused_while_the_database_is_frozen_for_long(
    trial: Trial, own_postgres: Postgres
) -> None:
    with trial.load() as load:
        load.flow()
        at_ns = time.time_ns()
        with frozen(own_postgres, LONG_STALL_SECONDS):
            pass
        thawed_ns = time.time_ns()
        load.flow()
    calls = trial.judge(
        Fault(f"PostgreSQL frozen for {LONG_STALL_SECONDS} s", at_ns, unrecorded_until_ns=thawed_ns)
    )
    assert {call.status for call in calls} == {ACCEPTED, UNAVAILABLE}
    assert_answered_before(thawed_ns, sent_in_first_second(calls, at_ns))


@contextlib.contextmanager
def frozen(server: Process, seconds: float) -> Iterator[None]:
    server.pause()
    try:
        yield
        time.sleep(seconds)
    finally:
        server.resume()


def sent_in_first_second(calls: list[Call], moment_ns: int) -> list[Call]:
    """Return the calls whose time-outs had ended before the server went on."""
    sent = [call for call in calls if moment_ns <= call.written_ns < moment_ns + SECOND_NS]
    assert sent
    return sent


def assert_answered_before(moment_ns: int, calls: list[Call]) -> None:
    assert not [call for call in calls if call.ended_ns >= moment_ns]
