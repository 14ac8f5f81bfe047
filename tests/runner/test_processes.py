"""The pool of processes: warm ones for each program, a bound on how many work, and places given up while waiting."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.runner import processes as pool
from app.runner.processes import PROCESSES_PER_PLACE, Place, Processes
from app.runner.programs import Program
from app.runner.zygote import Process, Zygote
from tests.eventually import eventually
from tests.runner.forked import is_running, perform

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
async def processes(zygote: Zygote) -> AsyncIterator[Processes]:
    processes = Processes(zygote, limit=2)
    yield processes
    await processes.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text("import os\ndef handler(event):\n    return dict(os.environ)\n")
    return tmp_path


def program_of(folder: Path, deployment_id: str = "dep_1", version: int = 1) -> Program:
    return Program(deployment_id, version, folder, {"OF": deployment_id}, {})


async def use(processes: Processes, program: Program, *, is_reusable: bool = True) -> Process:
    """Take a process and give it back."""
    process = await processes.acquire(program)
    processes.release(process, program, is_reusable=is_reusable)
    return process


async def test_a_process_is_used_again_for_its_program(processes: Processes, folder: Path) -> None:
    first = await use(processes, program_of(folder))
    assert await use(processes, program_of(folder)) is first
    assert first.is_alive


@pytest.mark.parametrize(("deployment_id", "version"), [("dep_2", 1), ("dep_1", 2)])
async def test_another_program_and_another_version_get_processes_of_their_own(
    processes: Processes, folder: Path, deployment_id: str, version: int
) -> None:
    first = await use(processes, program_of(folder))
    other = await processes.acquire(program_of(folder, deployment_id, version))
    assert other is not first
    [end] = await perform(other, "handler")
    assert end["ended"] == f'{{"OF": "{deployment_id}"}}'
    assert await processes.acquire(program_of(folder)) is first


async def test_a_process_is_never_two_sessions_at_once(processes: Processes, folder: Path) -> None:
    taken = [await processes.acquire(program_of(folder)) for _ in range(3)]
    assert len({process.pid for process in taken}) == 3


async def test_the_process_that_was_used_last_is_used_first(processes: Processes, folder: Path) -> None:
    program = program_of(folder)
    one, two = await processes.acquire(program), await processes.acquire(program)
    processes.release(two, program, is_reusable=True)
    processes.release(one, program, is_reusable=True)
    assert await processes.acquire(program) is one


async def test_a_process_that_may_not_be_used_again_ends(processes: Processes, folder: Path) -> None:
    process = await use(processes, program_of(folder), is_reusable=False)
    await asyncio.wait_for(asyncio.shield(process.died), 10)
    assert await processes.acquire(program_of(folder)) is not process


async def test_a_session_that_comes_back_after_a_wait_gets_a_fresh_process(
    processes: Processes, folder: Path
) -> None:
    warm = await use(processes, program_of(folder))
    assert await processes.acquire(program_of(folder), is_fresh=True) is not warm


async def test_a_process_that_died_while_it_was_idle_is_not_given_out(
    processes: Processes, folder: Path
) -> None:
    process = await use(processes, program_of(folder))
    os.kill(process.pid, 9)
    await asyncio.wait_for(asyncio.shield(process.died), 10)
    again = await processes.acquire(program_of(folder))
    assert again is not process
    assert again.is_alive


async def test_a_process_that_nobody_uses_ends_after_a_while(
    processes: Processes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    process = await use(processes, program_of(folder))
    await asyncio.wait_for(asyncio.shield(process.died), 10)
    monkeypatch.setattr(pool, "IDLE_SECONDS", 3600)
    kept = await use(processes, program_of(folder))
    assert kept is not process
    assert await processes.acquire(program_of(folder)) is kept


async def test_using_a_process_ends_its_time_of_idleness(
    processes: Processes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    await use(processes, program_of(folder))
    process = await processes.acquire(program_of(folder))
    await asyncio.sleep(0.1)
    assert process.is_alive
    [end] = await perform(process, "handler")
    assert "ended" in end


async def test_when_there_are_many_the_one_idle_longest_makes_room(
    processes: Processes, folder: Path
) -> None:
    most = 2 * PROCESSES_PER_PLACE
    programs = [program_of(folder, f"dep_{number}") for number in range(most + 1)]
    idle = [await use(processes, program) for program in programs[:most]]
    assert all(process.is_alive for process in idle)
    await processes.acquire(programs[most])
    await asyncio.wait_for(asyncio.shield(idle[0].died), 10)
    assert all(process.is_alive for process in idle[1:])


async def test_there_are_never_more_processes_than_the_most(processes: Processes, folder: Path) -> None:
    program = program_of(folder)
    taken = [await processes.acquire(program) for _ in range(2 * PROCESSES_PER_PLACE)]
    assert processes.room == 0
    with pytest.raises(OSError, match="too many sessions wait"):
        await processes.acquire(program)
    processes.release(taken[0], program, is_reusable=True)
    assert processes.room == 1
    assert await processes.acquire(program) is taken[0]


async def test_stopping_ends_all_of_them(processes: Processes, folder: Path) -> None:
    busy, idle = await processes.acquire(program_of(folder)), await processes.acquire(program_of(folder))
    processes.release(idle, program_of(folder), is_reusable=True)
    await processes.stop()
    await eventually(
        lambda: not is_running(busy.pid) and not is_running(idle.pid), what="both processes have ended"
    )


class Guests:
    """Sessions that take places, and the order in which they got them."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self.inside: list[int] = []
        self.places: dict[int, Place] = {}
        self._leave: dict[int, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, number: int, *, is_sync: bool = False) -> None:
        self._leave[number] = asyncio.Event()
        self._tasks.append(asyncio.create_task(self._stay(number, is_sync=is_sync)))
        await self.settle()

    async def go(self, number: int) -> None:
        self._leave[number].set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def _stay(self, number: int, *, is_sync: bool) -> None:
        async with self._processes.place(is_sync=is_sync) as place:
            self.places[number] = place
            self.inside.append(number)
            await self._leave[number].wait()

    async def all_go(self) -> None:
        for event in self._leave.values():
            event.set()
        await asyncio.gather(*self._tasks)


@pytest.fixture
async def guests(processes: Processes) -> AsyncIterator[Guests]:
    guests = Guests(processes)
    yield guests
    await guests.all_go()


async def test_no_more_work_at_once_than_the_limit_and_who_came_first_is_served_first(guests: Guests) -> None:
    for number in range(6):
        await guests.come(number)
    assert guests.inside == [0, 1]
    await guests.go(1)
    assert guests.inside == [0, 1, 2]
    await guests.go(0)
    await guests.go(2)
    assert guests.inside == [0, 1, 2, 3, 4]


async def test_callers_that_wait_for_an_answer_are_not_held_up_by_a_backlog(guests: Guests) -> None:
    for number in range(5):
        await guests.come(number)
    await guests.come(100, is_sync=True)
    await guests.come(101, is_sync=True)
    await guests.come(102, is_sync=True)
    assert guests.inside == [0, 1, 100, 101]


async def test_a_place_that_is_given_up_while_waiting_is_anothers_and_is_taken_again_in_turn(
    guests: Guests,
) -> None:
    for number in range(4):
        await guests.come(number)
    first = guests.places[0]
    first.give_up()
    first.give_up()
    await guests.settle()
    assert guests.inside == [0, 1, 2]
    assert not first.is_held
    back = asyncio.create_task(first.take())
    await guests.settle()
    assert not back.done()
    await guests.go(1)
    assert guests.inside == [0, 1, 2, 3]
    assert not back.done()
    await guests.go(2)
    await back
    assert first.is_held
    # Taking what is held takes no second place.
    await first.take()
    await guests.go(3)
    await guests.come(4)
    assert guests.inside[-1] == 4


async def test_a_session_that_ends_while_it_has_no_place_gives_none_back(guests: Guests) -> None:
    for number in range(4):
        await guests.come(number)
    guests.places[0].give_up()
    await guests.settle()
    await guests.go(0)
    assert guests.inside == [0, 1, 2]


async def test_a_session_that_is_given_up_in_the_queue_leaves_no_gap(
    processes: Processes, guests: Guests
) -> None:
    await guests.come(0)
    await guests.come(1)

    async def stay() -> None:
        async with processes.place(is_sync=False):
            raise AssertionError("it has been given up")

    waiting = asyncio.create_task(stay())
    await guests.settle()
    await guests.come(2)
    waiting.cancel()
    await guests.go(0)
    assert guests.inside == [0, 1, 2]
    await asyncio.gather(waiting, return_exceptions=True)
