"""kill -9 at every place of a durable session, before what comes there and while it happens.

All places at once: each has a session that waits there, so one kill cuts them all. What they leave when they have
been taken up again must be what an undisturbed run leaves.
"""

import contextlib
import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.faults.orders import HOWS, PLACES, Orders
from tests.faults.told import told_wrongly
from tests.faults.wirings import DISTRIBUTED, EMBEDDED
from tests.processes import Process
from tests.services import Service
from tests.waiting import until

pytestmark = pytest.mark.slow

# What is to happen "during" a kill is over after this time.
MOST_DELAY_SECONDS = 0.015


@pytest.fixture
def settings() -> dict[str, str]:
    # A place for each session, in either queue, and one for its child.
    places = 2 * len(PLACES) * len(HOWS)
    return {"runner_processes": str(places), "lease_seconds": "2"}


@pytest.fixture
def orders(service: Service, folder: Path, round_number: int) -> Orders:
    return Orders(service, folder / "orders")


@DISTRIBUTED
@pytest.mark.parametrize("workers", [1])
def test_a_killed_worker_changes_nothing_in_what_durable_sessions_leave(orders: Orders) -> None:
    [worker] = orders.service.workers
    cuts = list(orders.cuts("async"))
    for order in cuts:
        orders.send("order", order)
    recorded = kill_at_cuts(orders, cuts, worker)
    orders.service.start()
    assert_undisturbed(orders, cuts, recorded)


@DISTRIBUTED
@pytest.mark.parametrize("workers", [1])
def test_a_killed_api_changes_nothing_in_what_durable_sessions_leave(orders: Orders) -> None:
    cuts = list(orders.cuts("sync"))
    with callers(orders, cuts):
        recorded = kill_at_cuts(orders, cuts, orders.service.server)
        orders.service.start()
    assert_undisturbed(orders, cuts, recorded)


@EMBEDDED
def test_a_killed_process_changes_nothing_in_what_durable_sessions_leave(orders: Orders) -> None:
    waited_for, others = list(orders.cuts("sync")), list(orders.cuts("async"))
    for order in others:
        orders.send("order", order)
    with callers(orders, waited_for):
        recorded = kill_at_cuts(orders, waited_for + others, orders.service.server)
        orders.service.start()
    assert_undisturbed(orders, waited_for + others, recorded)


Recorded = dict[str, Counter[str]]


def kill_at_cuts(orders: Orders, cuts: list[dict[str, Any]], process: Process) -> Recorded:
    """Kill a process when every session is at its place, and return what had been recorded."""
    until(
        lambda: orders.have_arrived(order["id"] for order in cuts),
        what="every session has come to its place",
        timeout_seconds=30,
    )
    orders.go()
    time.sleep(random.uniform(0, MOST_DELAY_SECONDS))
    process.kill9()
    return orders.recorded()


def assert_undisturbed(orders: Orders, cuts: list[dict[str, Any]], recorded: Recorded) -> None:
    with contextlib.suppress(AssertionError):
        # What does not end is told below, by name.
        until(lambda: not orders.count_unfinished(), what="all have ended", timeout_seconds=25)
    mistakes = orders.mistakes(cuts, recorded)
    assert not mistakes, "\n".join(mistakes)
    assert orders.count_left_behind() == 0
    assert not told_wrongly(orders.database_url)
    for name, text in orders.service.logs().items():
        assert "Traceback" not in text, f"{name}: {text[text.index('Traceback') :][:2_000]}"


@contextlib.contextmanager
def callers(orders: Orders, cuts: list[dict[str, Any]]) -> Iterator[None]:
    """Call for all these orders at once; that no call hangs is seen at the end of the block."""
    with ThreadPoolExecutor(len(cuts)) as threads:
        calls = [threads.submit(call, orders, order) for order in cuts]
        yield
        for one in calls:
            one.result()


def call(orders: Orders, order: dict[str, Any]) -> int:
    """Call for an order and return the status; 0 when the connection was lost."""
    connection = http.client.HTTPConnection("127.0.0.1", orders.service.server.port or 0, timeout=30)
    with contextlib.closing(connection):
        try:
            connection.request("POST", orders.paths["order_now"], json.dumps(order))
            return connection.getresponse().status
        except (ConnectionError, http.client.HTTPException):
            return 0
