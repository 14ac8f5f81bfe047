"""Sessions that keep no journal, and callers that wait, while a process or a server that they need is lost.

What was answered 202 ends, exactly once, and whoever waits for an answer gets one.
"""

import contextlib
import time
from pathlib import Path

import pytest

from tests.faults.callers import HUNG, NOBODY_THERE, Callers
from tests.faults.orders import Orders
from tests.faults.test_stalls import frozen
from tests.faults.told import told_wrongly
from tests.faults.wirings import DISTRIBUTED, EMBEDDED
from tests.postgres_server import Postgres
from tests.redis_server import Redis, ask
from tests.services import Service
from tests.waiting import until

pytestmark = pytest.mark.slow

# The time that a supervisor takes to notice a death and start the process again.
DOWN_SECONDS = 1
# Beyond the time-out for the database: 5 s, and one more to have the statement cancelled.
LONG_STALL_SECONDS = 8
SENT = 200
CUT_OFF = "The process that performed the session died, and with it the connection of its caller."


@pytest.fixture
def settings() -> dict[str, str]:
    return {"lease_seconds": "2"}


@pytest.fixture
def orders(service: Service, folder: Path, round_number: int) -> Orders:
    return Orders(service, folder / "orders")


@DISTRIBUTED
@pytest.mark.parametrize("workers", [2])
def test_every_accepted_session_ends_when_one_of_two_workers_is_killed(orders: Orders) -> None:
    with Callers(orders, "note") as callers:
        until(lambda: len(callers.calls) >= SENT // 2, what="half of them are sent")
        orders.service.workers[0].kill9()
        until(lambda: len(callers.calls) >= SENT, what="all of them are sent")
    assert {call.status for call in callers.calls} == {202}
    assert_all_ended(orders, callers)


@EMBEDDED
def test_every_accepted_session_ends_when_the_only_process_is_killed(orders: Orders) -> None:
    with Callers(orders, "note", "answer") as callers:
        until(lambda: len(callers.calls) >= SENT, what="half of them are sent")
        orders.service.kill9()
        time.sleep(DOWN_SECONDS)
        orders.service.start()
        callers.flow(SENT // 4)
    assert {call.status for call in callers.calls} == {200, 202, NOBODY_THERE}
    assert_all_ended(orders, callers, is_killed=True)


@DISTRIBUTED
def test_sessions_and_answers_go_on_when_redis_is_flushed_killed_and_gone(
    orders: Orders, own_redis: Redis
) -> None:
    with Callers(orders, "note", "answer") as callers:
        callers.flow(20)
        assert ask(own_redis.port, "FLUSHALL") == b"+OK\r\n"
        callers.flow(20)
        own_redis.kill9()
        callers.flow(20)
        own_redis.start()
        callers.flow(20)
        own_redis.kill9()
        callers.flow(20)
    assert {call.status for call in callers.calls} == {200, 202}
    assert_all_ended(orders, callers)


@DISTRIBUTED
def test_sessions_end_and_callers_are_answered_when_postgresql_is_killed_and_frozen(
    orders: Orders, own_postgres: Postgres
) -> None:
    with Callers(orders, "note", "answer") as callers:
        callers.flow(20)
        own_postgres.kill9()
        time.sleep(DOWN_SECONDS)
        own_postgres.start()
        callers.flow(20)
        with frozen(own_postgres, LONG_STALL_SECONDS):
            pass
        callers.flow(20)
    assert_all_ended(orders, callers)
    statuses = {call.status for call in callers.calls}
    assert {200, 202, 503} <= statuses <= {200, 202, 503, 504}, statuses


def assert_all_ended(orders: Orders, callers: Callers, *, is_killed: bool = False) -> None:
    """See that nobody hung, and that every session ended once, and well.

    One that its caller waited for fails when its process is lost, and when what was to become of its request was.
    """
    assert HUNG not in {call.status for call in callers.calls}
    with contextlib.suppress(AssertionError):
        # What does not end is told below, by name.
        until(lambda: not orders.count_unfinished(), what="all have ended", timeout_seconds=25)
    sessions = {one.id: one for one in orders.sessions()}
    accepted = list(callers.accepted())
    assert accepted
    assert not [id_ for id_ in accepted if id_ not in sessions]
    answered = {call.session_id for call in callers.calls if call.status == 200}
    may_fail = {one.id for one in sessions.values() if one.error == CUT_OFF} - (
        set() if is_killed else answered
    )
    badly = [
        (one.id, one.call, one.status, one.ends, one.error)
        for one in sessions.values()
        if len(one.ends) != 1 or (one.status != "completed" and one.id not in may_fail)
    ]
    assert not badly
    assert not may_fail & set(accepted)
    assert not told_wrongly(orders.database_url)
    for name, text in orders.service.logs().items():
        assert "Traceback" not in text, f"{name}: {text[text.index('Traceback') :][:2_000]}"
