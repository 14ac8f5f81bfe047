"""Sessions when their service is asked to stop or is killed, and the processes that they run in."""

import threading
from pathlib import Path

import pytest

from bench.costs import resident_megabytes
from tests.faults.orders import Orders
from tests.faults.rounds import ROUNDS
from tests.reaper import family
from tests.services import Program, Service
from tests.waiting import until

pytestmark = pytest.mark.slow

LINGERING = {"linger": "plain", "linger_durably": "durable"}
STOPPING_SECONDS = 0.5
# Three hundred in the two wirings; ten thousand are a row of the benchmark.
PARKED = 150
MOST_GROWTH_MEGABYTES = 20
MOST_WAKING_SECONDS = 60


@pytest.fixture
def settings() -> dict[str, str]:
    return {"lease_seconds": "2"}


@pytest.fixture
def workers() -> int:
    return 1


@pytest.fixture
def orders(service: Service, folder: Path, round_number: int) -> Orders:
    return Orders(service, folder / "orders")


def test_sessions_that_run_end_before_their_process_does(orders: Orders) -> None:
    begin_to_linger(orders)
    process = performer(orders.service)
    pids = pids_of(orders)
    # What they wait for comes while the process is stopping, which nobody else can see the beginning of.
    going = threading.Timer(STOPPING_SECONDS, orders.go)
    going.start()
    process.terminate()
    going.join()
    assert_gone(pids)
    assert {one.status for one in orders.sessions()} == {"completed"}
    assert {one.attempt for one in orders.sessions()} == {1}
    orders.service.start()
    for id_ in LINGERING.values():
        assert orders.lines(id_) == {"begin": 1, "linger": 1}


def test_a_session_that_waits_is_left_to_the_next_process(orders: Orders) -> None:
    orders.send("wait", orders.order("waiting"))
    until(lambda: [one.status for one in orders.sessions()] == ["waiting"], what="the session waits")
    performer(orders.service).terminate()
    assert orders.count_parked() == 1
    orders.service.start()
    assert orders.service.http.post(orders.paths["all"], json={}).status_code == 202
    until(lambda: not orders.count_unfinished(), what="the session has ended")
    [session] = orders.sessions()
    assert (session.status, session.prints[-2:]) == ("completed", ["waiting", "woken"])


@pytest.mark.skipif(ROUNDS == 1, reason="takes the half minute that a process waits for its sessions")
@pytest.mark.timeout(180)
def test_a_session_that_goes_on_for_long_is_handed_over(orders: Orders) -> None:
    orders.send("linger_durably", orders.order("durable"))
    until(lambda: orders.have_arrived(["durable"]), what="the session lingers")
    performer(orders.service).terminate()
    assert [(one.status, one.attempt) for one in orders.sessions()] == [("created", 1)]
    orders.go()
    orders.service.start()
    until(lambda: not orders.count_unfinished(), what="the session has ended")
    assert [(one.status, one.ends, one.attempt) for one in orders.sessions()] == [
        ("completed", ["completed"], 2)
    ]
    assert orders.lines("durable")["linger"] == 2


def test_no_process_of_a_session_outlives_a_killed_service(orders: Orders) -> None:
    begin_to_linger(orders)
    pids = pids_of(orders)
    performer(orders.service).kill9()
    assert_gone(pids)
    orders.go()
    orders.service.start()
    until(lambda: not orders.count_unfinished(), what="all have ended")
    assert [(one.status, one.ends) for one in orders.sessions()] == [("completed", ["completed"])] * 2


def test_parked_sessions_are_rows_only_and_one_request_wakes_them_all(orders: Orders) -> None:
    orders.send("wait", orders.order("first"))
    until(lambda: orders.count_parked() == 1, what="one session is parked")
    process = performer(orders.service)
    before = resident_megabytes(family(process.pid))
    for number in range(PARKED):
        orders.send("wait", orders.order(f"wait-{number}"))
    until(lambda: orders.count_parked() == PARKED + 1, what="all are parked", timeout_seconds=40)
    grown = resident_megabytes(family(process.pid)) - before
    assert grown < MOST_GROWTH_MEGABYTES
    assert orders.service.http.post(orders.paths["all"], json={}).status_code == 202
    until(lambda: not orders.count_unfinished(), what="all are woken", timeout_seconds=MOST_WAKING_SECONDS)
    assert {one.status for one in orders.sessions()} == {"completed"}
    assert {tuple(one.prints[-2:]) for one in orders.sessions()} == {("waiting", "woken")}
    assert orders.values()["woken"] == PARKED + 1
    assert orders.count_left_behind() == 0


def begin_to_linger(orders: Orders) -> None:
    for trigger, id_ in LINGERING.items():
        orders.send(trigger, orders.order(id_))
    until(lambda: orders.have_arrived(LINGERING.values()), what="both sessions linger")


def performer(service: Service) -> Program:
    """Return the process that performs what nobody waits for."""
    return service.workers[0] if service.workers else service.server


def pids_of(orders: Orders) -> list[int]:
    """Return the handlers' processes, and those that the handlers started."""
    texts = [(orders.folder / f"{id_}.pids").read_text() for id_ in LINGERING.values()]
    pids = [int(pid) for text in texts for pid in text.split()]
    assert len(pids) == 2 * len(LINGERING)
    assert living(pids) == pids
    return pids


def assert_gone(pids: list[int]) -> None:
    until(lambda: not living(pids), what="the processes are gone", timeout_seconds=5)


def living(pids: list[int]) -> list[int]:
    """Return those that have not ended; one whose exit status nobody has asked for has."""
    return [pid for pid in pids if pid in family(pid)]
