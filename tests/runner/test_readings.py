"""Clock and chance of a durable session: recorded once, the same again, and real for everybody else."""

import asyncio
import copy
import datetime
import importlib.util
import pickle
import random
import secrets
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aetherflow.runner.channel import Channel
from aetherflow.runner.journal import Journal
from aetherflow.runner.prints import Prints
from aetherflow.runner.readings import is_standard
from aetherflow.runner.session import DurableSession

from tests.runner.service_end import Journaling

# Every function that is replaced, as an author calls it.
CALLS: dict[str, Callable[[], Any]] = {
    "time.time": lambda: time.time(),
    "time.time_ns": lambda: time.time_ns(),
    "time.monotonic": lambda: time.monotonic(),
    "time.monotonic_ns": lambda: time.monotonic_ns(),
    "time.perf_counter": lambda: time.perf_counter(),
    "time.perf_counter_ns": lambda: time.perf_counter_ns(),
    "time.process_time": lambda: time.process_time(),
    "time.process_time_ns": lambda: time.process_time_ns(),
    "time.thread_time": lambda: time.thread_time(),
    "time.clock_gettime": lambda: time.clock_gettime(time.CLOCK_REALTIME),
    "time.localtime": lambda: time.localtime(),
    "time.gmtime": lambda: time.gmtime(None),
    "time.ctime": lambda: time.ctime(),
    "time.asctime": lambda: time.asctime(),
    "time.strftime": lambda: time.strftime("%H:%M:%S"),
    "uuid.uuid1": lambda: uuid.uuid1(),
    "uuid.uuid4": lambda: uuid.uuid4(),
    "secrets.token_bytes": lambda: secrets.token_bytes(8),
    "secrets.token_hex": lambda: secrets.token_hex(),
    "secrets.token_urlsafe": lambda: secrets.token_urlsafe(nbytes=9),
    "secrets.randbelow": lambda: secrets.randbelow(10**9),
    "secrets.randbits": lambda: secrets.randbits(64),
    "secrets.choice": lambda: secrets.choice(range(10**9)),
    "datetime.now": lambda: datetime.datetime.now(),
    "datetime.now in a zone": lambda: datetime.datetime.now(tz=datetime.UTC),
    "datetime.utcnow": lambda: datetime.datetime.utcnow(),
    "datetime.today": lambda: datetime.datetime.today(),
    "date.today": lambda: datetime.date.today(),
    "random.seed": lambda: (random.seed(), random.random()),
}

# These convert a time that is given, or chance that is.
CONVERSIONS: dict[str, Callable[[], Any]] = {
    "localtime": lambda: time.localtime(0),
    "gmtime": lambda: time.gmtime(0.5),
    "ctime": lambda: time.ctime(7),
    "asctime": lambda: time.asctime(time.gmtime(0)),
    "strftime": lambda: time.strftime("%Y", time.gmtime(0)),
    "seed": lambda: (random.seed(7), random.random()),
    "datetime": lambda: datetime.datetime(2026, 1, 31),
    "fromtimestamp": lambda: datetime.datetime.fromtimestamp(0, datetime.UTC),
    "strptime": lambda: datetime.datetime.strptime("2026-01-31", "%Y-%m-%d"),
    "fromisoformat": lambda: datetime.datetime.fromisoformat("2026-01-31T00:00:00"),
    "combine": lambda: datetime.datetime.combine(datetime.date(2026, 1, 31), datetime.time(1)),
    "date": lambda: datetime.date(2026, 1, 31),
    "date.fromisoformat": lambda: datetime.date.fromisoformat("2026-01-31"),
    "ordinal": lambda: datetime.date.fromordinal(700_000),
}

REAL = {(module, name): getattr(module, name) for module, name in [
    (time, "time"), (time, "sleep"), (time, "strftime"), (uuid, "uuid4"), (secrets, "choice"), (random, "seed"),
    (datetime, "datetime"), (datetime, "date"),
]}  # fmt: skip


def run(
    handler: Callable[[], Any], records: list[list[str]] | None = None
) -> tuple[Any, list[list[str]], list[dict[str, Any]]]:
    """Run a handler as a durable session; returns its result, all records, and the messages it sent."""
    service = Journaling()
    channel = Channel(service.theirs)
    journal = Journal(channel, records or [], "/nowhere/", Prints())
    session = DurableSession(channel, "ses_1", journal)
    try:
        with session.readings.installed():
            returned = handler()
        session.check_end()
    finally:
        service.close()
    return returned, [*(records or []), *records_after(service, len(records or []))], service.messages


def records_after(service: Journaling, number: int) -> list[list[str]]:
    kept = sorted(message["record"] for message in service.messages if "record" in message)
    assert [record[0] for record in kept] == list(range(number + 1, number + len(kept) + 1))
    return [record[1:] for record in kept]


def run_twice(handler: Callable[[], Any]) -> tuple[Any, Any, list[list[str]]]:
    """Run a handler, and again with what was recorded, in which nothing new is recorded."""
    first, records, _ = run(handler)
    second, _, messages = run(handler, records)
    assert messages == []
    return first, second, records


@pytest.fixture(autouse=True)
def _real_afterwards() -> Iterator[None]:
    """Every test leaves the modules and the state of `random` as they were."""
    state = random.getstate()
    yield
    random.setstate(state)
    assert {(module, name): getattr(module, name) for module, name in REAL} == REAL


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")
@pytest.mark.parametrize("name", CALLS)
def test_a_reading_is_recorded_and_comes_back(name: str) -> None:
    first, second, records = run_twice(CALLS[name])
    assert first == second
    assert type(first) is type(second)
    assert [record[1] for record in records] == ["random", name.partition(" ")[0]]


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_is_no_reading(name: str) -> None:
    expected = CONVERSIONS[name]()
    first, second, records = run_twice(CONVERSIONS[name])
    assert first == second == expected
    assert type(first) is type(expected)
    assert [record[1] for record in records] == ["random"]


def test_chance_goes_on_from_the_recorded_seed() -> None:
    def handler() -> list[Any]:
        return [random.random(), random.randint(1, 10**9), random.choice("abc"), random.sample(range(99), 5)]

    first, second, records = run_twice(handler)
    assert first == second
    assert len(records) == 1


def test_two_sessions_have_different_chance() -> None:
    assert run(random.random)[0] != run(random.random)[0]


def test_chance_goes_on_alike_after_a_step_that_is_run_only_once() -> None:
    service = Journaling()
    channel = Channel(service.theirs)

    def handler(journal: Journal) -> tuple[float, float, float]:
        session = DurableSession(channel, "ses_1", journal)
        with session.readings.installed():
            before = random.random()
            inside = session.compute("step", "draw", lambda: [random.random() for _ in range(7)][-1])
            return before, inside, random.random()

    first = handler(Journal(channel, [], "/nowhere/", Prints()))
    second = handler(Journal(channel, records_of(service, 2), "/nowhere/", Prints()))
    service.close()
    assert first == second
    assert len(set(first)) == 3


def records_of(service: Journaling, number: int) -> list[list[str]]:
    """Return the first records, once they have arrived."""
    while len(service.messages) < number:
        time.sleep(0.001)
    return records_after(service, 0)


def test_what_a_step_reads_is_real_and_not_recorded_by_itself() -> None:
    service = Journaling()
    channel = Channel(service.theirs)
    session = DurableSession(channel, "ses_1", Journal(channel, [], "/nowhere/", Prints()))
    with session.readings.installed():
        before = REAL[time, "time"]()
        inside = session.compute(
            "step", "load", lambda: (time.time(), uuid.uuid4().hex, datetime.date.today())
        )
    service.close()
    assert inside[0] >= before
    assert [record[:2] for record in service.records] == [["reading", "random"], ["step", "load"]]


def test_the_standard_library_sees_the_real_clock() -> None:
    async def wait() -> None:
        await asyncio.sleep(0.001)

    def handler() -> None:
        asyncio.run(wait())
        threading.Event().wait(0.001)
        subprocess.run([sys.executable, "-c", ""], check=True, timeout=10)

    _, records, _ = run(handler)
    assert [record[1] for record in records] == ["random"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (asyncio.__file__, True),
        ("<frozen importlib._bootstrap>", True),
        (__file__, False),
        (pytest.__file__, False),
        (str(Path(asyncio.__file__).parents[1] / "site-packages" / "requests" / "api.py"), False),
        (str(Path(asyncio.__file__).parents[1] / "dist-packages" / "requests.py"), False),
    ],
)
def test_installed_packages_are_not_of_the_standard_library(path: str, expected: bool) -> None:
    assert is_standard(path) is expected


def test_other_threads_see_the_real_clock_and_cannot_confuse_the_record() -> None:
    def handler() -> float:
        threads = [threading.Thread(target=lambda: [time.time() for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        read = [time.time() for _ in range(50)]
        for thread in threads:
            thread.join()
        return read[-1]

    first, second, records = run_twice(handler)
    assert first == second
    assert len(records) == 51


def test_sleep_is_a_wait_of_the_session() -> None:
    _, _, messages = run(lambda: time.sleep(86_400))
    asked = [message for message in messages if "perform" in message]
    assert [(message["perform"], message["arguments"]) for message in asked] == [
        ("sleep", {"seconds": 86_400})
    ]


def test_classes_pass_for_themselves_while_they_are_replaced() -> None:
    moment, day = REAL[datetime, "datetime"](2026, 1, 31), REAL[datetime, "date"](2026, 1, 31)

    def handler() -> None:
        assert isinstance(moment, datetime.datetime)
        assert isinstance(moment, datetime.date)
        assert isinstance(day, datetime.date)
        assert not isinstance(day, datetime.datetime)
        assert not isinstance("2026", datetime.date)
        assert issubclass(datetime.datetime, datetime.date)
        assert issubclass(REAL[datetime, "datetime"], datetime.datetime)
        assert type(datetime.datetime.now()) is REAL[datetime, "datetime"]
        assert datetime.datetime.__name__ == "datetime"
        assert (datetime.datetime.min, datetime.date.max) == (moment.min, day.max)
        assert datetime.datetime.now() - moment > datetime.timedelta(0)

    run(handler)


def test_subclasses_made_meanwhile_are_themselves() -> None:
    def handler() -> None:
        class Moment(datetime.datetime):
            @property
            def label(self) -> str:
                return f"{self:%Y}"

        class Day(datetime.date):
            pass

        moment, day = Moment(2026, 1, 31), Day(2026, 1, 31)
        assert (type(moment), type(day), moment.label) == (Moment, Day, "2026")
        assert isinstance(moment, Moment)
        assert isinstance(moment, datetime.datetime)
        assert isinstance(day, Day)
        assert not isinstance(datetime.datetime(2026, 1, 31), Moment)
        assert type(Moment.fromtimestamp(0)) is Moment

    run(handler)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_dates_are_pickled_and_copied_as_always(protocol: int) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    values = [
        REAL[datetime, "datetime"](2026, 1, 31, 9, 30, 0, 7, tzinfo=zone),
        REAL[datetime, "datetime"](2026, 10, 25, 2, 30, fold=1),
        REAL[datetime, "date"](2026, 1, 31),
    ]
    before = pickle.dumps(values, protocol)
    # Older protocols never kept which of two equal hours it is.
    fold = 1 if protocol >= 4 else 0

    def handler() -> bytes:
        for again in (pickle.loads(before), copy.deepcopy(values)):
            assert again == values
            assert list(map(type, again)) == list(map(type, values))
        assert copy.deepcopy(values)[1].fold == 1
        return pickle.dumps(values, protocol)

    pickled, _, _ = run(handler)
    again = pickle.loads(pickled)
    assert again == values
    assert again[1].fold >= fold
    assert list(map(type, again)) == list(map(type, values))
    assert pickle.dumps(values, protocol) == before


def test_all_is_restored_when_the_handler_raises() -> None:
    def handler() -> None:
        time.time()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(handler)
    assert datetime.datetime is REAL[datetime, "datetime"]
    assert time.time is REAL[time, "time"]


@pytest.fixture
def late(tmp_path: Path) -> Callable[[], ModuleType]:
    """A module that takes the functions by name when it is imported."""
    path = tmp_path / "late.py"
    path.write_text("from time import time\nfrom uuid import uuid4\nfrom datetime import datetime\n")

    def load() -> ModuleType:
        spec = importlib.util.spec_from_file_location("late", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_a_module_imported_by_a_handler_does_not_take_one_session_into_the_next(
    late: Callable[[], ModuleType],
) -> None:
    module, _, _ = run(late)

    def handler() -> tuple[Any, ...]:
        return module.time(), module.uuid4(), module.datetime.now()

    first, second, records = run_twice(handler)
    assert first == second
    assert [record[1] for record in records] == ["random", "time.time", "uuid.uuid4", "datetime.now"]
    # And between the sessions, or in one that keeps no journal, it has the real ones.
    before = time.time()
    assert before <= module.time() <= time.time()
    assert isinstance(module.datetime.now(), datetime.datetime)
    assert isinstance(datetime.datetime.now(), module.datetime)
