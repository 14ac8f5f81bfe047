"""Processes of sessions: forked on demand, alone with their channel, and never left over."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from aetherflow.runner.zygote import Zygote as OtherSide

from app.runner.zygote import Zygote
from tests.eventually import eventually
from tests.runner.forked import Programmer, descriptors_of, is_running, perform
from tests.runner.service_end import ServiceEnd

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def test_a_process_performs_sessions_one_after_the_other(program: Programmer) -> None:
    program.write("""
        import os
        calls = []
        def handler(event):
            calls.append(event.data)
            return [os.getpid(), len(calls)]
    """)
    process = await program.fork()
    for number in (1, 2, 3):
        [end] = await perform(process, "handler")
        assert json.loads(end["ended"]) == [process.pid, number]
        assert end["reusable"] is True
    assert process.is_alive
    process.kill()
    assert await asyncio.wait_for(process.died, 10) == signal.SIGKILL
    assert process.describe_death() == "signal SIGKILL"


async def test_processes_are_told_apart_however_many_are_forked_at_once(program: Programmer) -> None:
    program.write("import os\ndef handler(event):\n    return os.getpid()\n")
    processes = await asyncio.gather(*(program.fork() for _ in range(12)))
    ends = await asyncio.gather(*(perform(process, "handler") for process in processes))
    assert [json.loads(end["ended"]) for [end] in ends] == [process.pid for process in processes]
    assert len({process.pid for process in processes}) == 12


async def test_a_fork_that_is_given_up_does_not_become_another_ones(program: Programmer) -> None:
    program.write("import os\ndef handler(event):\n    return os.getpid()\n")
    await program.fork()
    for _ in range(5):
        given_up = asyncio.ensure_future(program.fork())
        # As far as the request, and not as far as its answer.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        given_up.cancel()
        process = await program.fork()
        [end] = await perform(process, "handler")
        assert json.loads(end["ended"]) == process.pid
        await asyncio.gather(given_up, return_exceptions=True)


@pytest.mark.parametrize(
    ("deed", "how"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os._exit(0)", "exit status 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "signal SIGTERM"),
        ("os.abort()", "signal SIGABRT"),
        ("ctypes.string_at(0)", "signal SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 3)", "signal 37"),
    ],
)
async def test_the_end_of_a_process_is_told_with_its_cause(program: Programmer, deed: str, how: str) -> None:
    program.write(f"import ctypes, os, signal\ndef handler(event):\n    {deed}\n")
    process, other = await program.fork(), await program.fork()
    assert await perform(process, "handler") == []
    await asyncio.wait_for(asyncio.shield(process.died), 10)
    assert process.describe_death() == how
    assert not process.is_alive
    assert other.is_alive


async def test_what_fills_the_memory_is_an_error_of_its_handler(program: Programmer) -> None:
    program.write("""
        def fill(event):
            return len(bytearray(1 << 30))

        def fill_slowly(event):
            kept = []
            while True:
                kept.append(bytearray(1 << 20))
    """)
    for function in ("fill", "fill_slowly"):
        [*_, end] = await program.call(function)
        assert end["failed"]["message"].startswith("MemoryError")


async def test_many_threads_fit_into_the_memory(program: Programmer) -> None:
    program.write("""
        import threading
        from concurrent.futures import ThreadPoolExecutor

        def handler(event):
            barrier = threading.Barrier(40)
            def work(number):
                barrier.wait(20)
                return sum(len(bytes(1000)) for _ in range(100))
            with ThreadPoolExecutor(40) as pool:
                return sum(pool.map(work, range(40)))
    """)
    assert await program.result("handler") == "4000000"


async def test_a_process_has_its_environment_and_nothing_of_the_services(
    program: Programmer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AETHERFLOW_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    program.write("""
        import os, pathlib
        def handler(event):
            initial = pathlib.Path("/proc/self/environ").read_bytes()
            return [dict(os.environ), b"AETHERFLOW" in initial or b"PYTHON" in initial]
    """)
    assert json.loads(await program.result("handler")) == [{"GREETING": "hello"}, False]


async def test_what_a_session_changes_of_its_process_is_as_before_for_the_next(program: Programmer) -> None:
    program.write("""
        import os, sys
        def change(event):
            os.environ["GREETING"] = "changed"
            os.environ["MORE"] = "1"
            os.chdir("/")
            sys.stdout = sys.stderr = None
        def look(event):
            print("printed")
            sys.stderr.write("and this\\n")
            return [dict(os.environ), os.getcwd()]
    """)
    process = await program.fork()
    await perform(process, "change")
    first, second, end = await perform(process, "look")
    assert (first["print"], second["print"]) == ("printed", "and this")
    assert json.loads(end["ended"]) == [{"GREETING": "hello"}, str(program.folder)]


async def test_a_process_holds_no_descriptor_but_its_channel_and_the_standard_ones(
    program: Programmer, tmp_path: Path
) -> None:
    program.write("def handler(event):\n    return 1\n")
    with (tmp_path / "secret").open("w") as secret, socket.create_server(("127.0.0.1", 0)) as server:
        os.set_inheritable(secret.fileno(), True)
        os.set_inheritable(server.fileno(), True)
        processes = [await program.fork() for _ in range(4)]
        for process in processes:
            await perform(process, "handler")
        for process in processes:
            held = descriptors_of(process.pid)
            others = {number: what for number, what in held.items() if number > 2}
            assert len(others) == 1
            assert all(what.startswith("socket:") for what in others.values())
            assert held[0] == held[1] == "/dev/null"


async def test_the_authors_files_stand_before_what_is_installed_and_behind_the_standard_library(
    program: Programmer,
) -> None:
    for name in ("app", "delivery", "requests", "store", "json"):
        program.write(f"WHOSE = 'the author of {name}'\n", f"{name}.py")
    program.write("""
        import app, delivery, requests, store, json
        def handler(event):
            return [getattr(module, "WHOSE", None) for module in (app, delivery, requests, store, json)]
    """)
    assert json.loads(await program.result("handler")) == [
        "the author of app",
        "the author of delivery",
        "the author of requests",
        "the author of store",
        None,
    ]


async def test_packages_are_found_behind_the_authors_files(program: Programmer, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("one", "two"):
        (packages / f"{name}.py").write_text("WHOSE = 'package'\n")
    program.write("WHOSE = 'author'\n", "one.py")
    program.write("import one, two\ndef handler(event):\n    return [one.WHOSE, two.WHOSE]\n")
    process = await program.fork(packages=packages)
    [end] = await perform(process, "handler")
    assert json.loads(end["ended"]) == ["author", "package"]


async def test_what_a_process_has_started_ends_with_it(program: Programmer) -> None:
    program.write("""
        import os, subprocess
        def handler(event):
            return subprocess.Popen(["sleep", "600"]).pid
        def fork(event):
            pid = os.fork()
            if pid == 0:
                os.execvp("sleep", ["sleep", "600"])
            return pid
    """)
    process = await program.fork()
    pids = [json.loads((await perform(process, name))[-1]["ended"]) for name in ("handler", "fork")]
    assert all(is_running(pid) for pid in pids)
    process.kill()
    await eventually(lambda: not any(map(is_running, pids)), what="what it had started has ended")


async def test_a_copy_of_the_process_that_a_handler_forks_says_nothing_in_its_place(
    program: Programmer,
) -> None:
    program.write("""
        import multiprocessing, os, time
        def fall_through(event):
            if os.fork() == 0:
                print("from the copy")
                return "the copy"
            os.wait()
            return "the handler"
        def exit_in_the_copy(event):
            pid = os.fork()
            if pid == 0:
                raise SystemExit(3)
            return os.waitpid(pid, 0)[1] != 0
        def ask_in_the_copy(event):
            import aetherflow
            pid = os.fork()
            if pid == 0:
                aetherflow.get_value("a")
            return os.waitpid(pid, 0)[1] != 0
        def work(number):
            return number * time.time_ns()
        def pool(event):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return len(pool.map(work, range(10)))
    """)
    process = await program.fork()
    expected = {
        "fall_through": '"the handler"',
        "exit_in_the_copy": "true",
        "ask_in_the_copy": "true",
        "pool": "10",
    }
    for durable in (False, True):
        for function, result in expected.items():
            messages = await perform(process, function, durable=durable)
            assert [m["ended"] for m in messages if "record" not in m] == [result], (function, messages)


async def test_a_zygote_that_is_killed_takes_its_processes_along_and_another_one_is_started(
    program: Programmer,
) -> None:
    program.write("import os\ndef handler(event):\n    return os.getppid()\n")
    process, other = await program.fork(), await program.fork()
    [end] = await perform(process, "handler")
    os.kill(int(end["ended"]), signal.SIGKILL)
    for each in (process, other):
        await asyncio.wait_for(asyncio.shield(each.died), 10)
        assert not each.is_alive
        await eventually(lambda pid=each.pid: not is_running(pid), what="the process has ended")  # type: ignore[misc]
    again = await program.fork()
    [end_again] = await perform(again, "handler")
    assert end_again["ended"] != end["ended"]


async def test_a_zygote_that_dies_at_the_moment_of_a_fork_costs_no_session(program: Programmer) -> None:
    program.write("import os\ndef handler(event):\n    return os.getppid()\n")
    process = await program.fork()
    for _ in range(3):
        [end] = await perform(process, "handler")
        os.kill(int(end["ended"]), signal.SIGKILL)
        # Nobody has had the time to hear of it.
        process = await program.fork()
        assert (await perform(process, "handler"))[-1]["ended"] != end["ended"]


async def test_stopping_ends_everything_and_a_stopped_one_too(program: Programmer) -> None:
    program.write("""
        import subprocess, os
        def handler(event):
            return [subprocess.Popen(["sleep", "600"]).pid, os.getppid()]
    """)
    process = await program.fork()
    pids = json.loads((await perform(process, "handler"))[-1]["ended"])
    os.kill(pids[1], signal.SIGSTOP)
    await program.zygote.stop()
    assert not is_running(pids[1])
    await eventually(lambda: not is_running(process.pid), what="its process has ended")


SERVICE = """
import asyncio, sys
from pathlib import Path
from app.runner.zygote import Zygote
from tests.runner.forked import perform

async def main():
    zygote = Zygote(python=sys.executable, memory_bytes=1 << 29)
    process = await zygote.fork(Path(sys.argv[1]), {})
    [end] = await perform(process, "handler")
    print(end["ended"], flush=True)
    other = await zygote.fork(Path(sys.argv[1]), {})
    await perform(other, "loop")

asyncio.run(main())
"""


async def test_the_death_of_the_service_ends_all_that_it_started(program: Programmer) -> None:
    program.write("""
        import os, subprocess
        def handler(event):
            return [os.getpid(), os.getppid(), subprocess.Popen(["sleep", "600"]).pid]
        def loop(event):
            while True:
                pass
    """)
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, str(program.folder), stdout=subprocess.PIPE
    )
    try:
        assert service.stdout is not None
        pids = json.loads(await service.stdout.readline())
        assert all(is_running(pid) for pid in pids)
        await eventually(lambda: len(children_of(pids[1])) == 2, what="the second process runs")
        pids += children_of(pids[1])
    finally:
        service.kill()
        await service.wait()
    await eventually(lambda: not any(map(is_running, pids)), what="everything has ended")


def children_of(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_fork_that_the_system_refuses_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    ours, theirs = socket.socketpair()
    channel, spare = socket.socketpair()
    with ours, channel, spare:
        zygote = OtherSide(theirs)
        text = json.dumps({"fork": {"number": 7, "folder": "/", "environment": {}}}).encode()
        socket.send_fds(ours, [len(text).to_bytes(4, "big")], [channel.fileno()])
        ours.sendall(text)
        monkeypatch.setattr(os, "fork", refuse)
        assert zygote._fork_one()
        assert ServiceEnd(ours).receive() == {"number": 7, "refused": 11}
        monkeypatch.undo()
        signal.set_wakeup_fd(-1)
        for descriptor in (zygote._read_end, zygote._write_end):
            os.close(descriptor)
        theirs.close()


async def test_an_interpreter_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    zygote = Zygote(python=str(tmp_path / "python"), memory_bytes=1 << 29)
    with pytest.raises(OSError, match="python"):
        await zygote.fork(tmp_path, {})
    await zygote.stop()
