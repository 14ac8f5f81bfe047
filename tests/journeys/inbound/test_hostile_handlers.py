"""Handlers that do what nobody should: each harms its own session only, and its caller is answered."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.journeys.inbound.deployments import Deployed, deploy, log_of, prints_of, session_of
from tests.services import Service

MANIFEST = """
version: v2
project:
  name: NAME
  vars:
    - {name: COLOUR, value: green}
triggers:
  - {name: run, type: webhook, is_sync: true, max_seconds: 10, call: "program.py:run"}
  - {name: run_briefly, type: webhook, is_sync: true, max_seconds: 1, call: "program.py:run"}
  - {name: run_async, type: webhook, max_seconds: 1, call: "program.py:run_async"}
  - {name: long, type: webhook, is_sync: true, call: "program.py:run_long"}
  - {name: go, type: webhook}
"""

PROGRAM = '''
import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import sys
import threading
import time
from aetherflow import AetherFlowError, http_outcome, set_value, step
from aetherflow.binding import current

def run(event):
    return globals()[event.data.body.text]()

def run_async(event):
    return run(event)

def run_long(event):
    return run(event)

def be_fine():
    """Say what a session finds that comes after another one."""
    print("printed")
    print("logged", file=sys.stderr, flush=True)
    import colorsys
    return {
        "colour": os.environ.get("COLOUR"),
        "more": os.environ.get("MORE"),
        "here": os.path.exists("program.py"),
        "threads": threading.active_count(),
    }

# Ends.

def sys_exit():
    sys.exit(3)

def sys_exit_0():
    sys.exit(0)

def os_exit():
    os._exit(0)

def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)

def terminate_itself():
    os.kill(os.getpid(), signal.SIGTERM)

def end_with_nameless_signal():
    os.kill(os.getpid(), 40)

def kill_its_group():
    os.killpg(0, signal.SIGKILL)

def abort():
    os.abort()

def segfault():
    ctypes.string_at(0)

def interrupt():
    raise KeyboardInterrupt

def raise_odd_exception():
    class Odd(BaseException):
        def __str__(self):
            raise RuntimeError("no text")
    raise Odd

def raise_deep_exception():
    try:
        recurse()
    except RecursionError as error:
        raise ValueError("x" * 3_000_000) from error

# Time and space.

def loop():
    while True:
        pass

def stop_itself():
    os.kill(os.getpid(), signal.SIGSTOP)

def ignore_signals():
    for number in range(1, 32):
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            pass
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass

def take_memory():
    return len(bytearray(2 << 30))

def take_memory_bit_by_bit():
    taken = []
    while True:
        taken.append(bytearray(64 << 20))

def recurse():
    recurse()

def recurse_in_c(_=None):
    sys.setrecursionlimit(1 << 30)
    return list(map(recurse_in_c, [1]))

def write_much():
    with open("/tmp/aetherflow-much", "wb") as file:
        os.unlink(file.name)
        file.truncate(2 << 30)

# Processes and threads.

def fork():
    if os.fork() == 0:
        print("from the child")
        return "child"
    return "parent"

def fork_and_loop():
    if os.fork() == 0:
        while True:
            time.sleep(0.01)
            print("still here")
    return "parent"

def fork_many():
    for _ in range(5):
        os.fork()
    return "one of many"

def leave_threads():
    def speak():
        while True:
            time.sleep(0.001)
            print("from a thread")
    for _ in range(5):
        threading.Thread(target=speak).start()
    return "left"

def answer_from_thread():
    thread = threading.Thread(target=http_outcome, kwargs={"status_code": 299, "body": "from a thread"})
    thread.start()
    thread.join()

# The channel.

def close_descriptors():
    os.closerange(0, 1024)

def sockets():
    found = []
    for number in range(1024):
        try:
            copy = os.dup(number)
        except OSError:
            continue
        try:
            found.append(socket.socket(fileno=copy))
        except OSError:
            # It is none, and the next session of this process needs descriptors too.
            os.close(copy)
    return [one for one in found if one.type == socket.SOCK_STREAM]

def tell(text):
    for one in sockets():
        one.sendall(text)
    time.sleep(30)

def send_message(message):
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    tell(struct.pack(">I", len(text)) + text)

def write_garbage():
    tell(b"\\xff" * 100)

def write_a_great_length():
    tell(struct.pack(">I", 1 << 31))

def send_no_json():
    send_message(b"{]")

def send_a_list():
    send_message([1])

def send_nesting():
    send_message(b"[" * 100_000)

def send_an_end_that_is_no_json():
    send_message({"ended": "{]"})

def send_an_end_that_is_no_text():
    send_message({"ended": 5})

def send_an_empty_failure():
    send_message({"failed": {}})

def send_a_failure_with_odd_details():
    error = {"integration": "\\ud800", "error_code": "\\0", "retry_count": 2**70}
    send_message({"failed": {"message": "odd \\ud800", "traceback": "\\ud800", "error": error}})

def send_an_odd_stop():
    send_message({"stopped": "\\ud800"})

def send_a_step_of_ages():
    details = {"name": "one", "status": "completed", "duration_ms": 2**70}
    for fact in ("step_started", "step_ended"):
        text = json.dumps({"tell": fact, "details": details}).encode()
        sockets()[0].sendall(struct.pack(">I", len(text)) + text)
    return "sent"

def send_a_broken_fact():
    send_message({"tell": "step_started"})

def send_a_broken_operation():
    send_message({"perform": "outcome", "arguments": {"kind": "http", "status_code": "x", "headers": 5}})

def send_an_unknown_operation():
    current().perform("format the disk", {})

def send_a_broken_record():
    send_message({"record": [1]})

def send_numbers_in_place_of_texts():
    send_message({"perform": "subscribe", "arguments": {"trigger": {}, "filter": 5}, "awaited": True})

# Sayings.

def print_10_mb_in_a_line():
    print("x" * 10_000_000)
    return "said"

def print_50_mb_in_a_line():
    print("x" * 50_000_000, end="")
    print("x" * 50_000_000)
    return "said"

def print_10_mb_in_lines():
    for _ in range(50_000):
        print("x" * 199)
    return "said"

def print_odd_characters():
    print("a\\0b")
    print("\\ud800")
    print("\\x1b[31mred")
    return "said"

def take_many_steps():
    for number in range(30_000):
        with step("one"):
            pass
    return "taken"

def answer_often():
    for number in range(10_000):
        http_outcome(body=str(number))

# What the next session would find.

def change_surroundings():
    os.chdir("/")
    os.environ.clear()
    os.environ["MORE"] = "1"
    sys.path.clear()
    sys.stdout.close()
    sys.stdout = sys.stderr = None
    sys.modules.pop("colorsys", None)
    return "changed"

def delete_its_folder():
    shutil.rmtree(os.getcwd())
    return "deleted"

def leave_an_alarm():
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    return "left"

# Answers.

def answer_with_7_mb():
    http_outcome(body=b"x" * 7_000_000)

def answer_with_6_mib():
    http_outcome(body=b"x" * (6 << 20))

def inject_header():
    http_outcome(headers={"X-A": "a\\r\\nX-B: b"})

def inject_header_name():
    http_outcome(headers={"X-A: a\\r\\nX-B": "b"})

def answer_with_odd_status():
    http_outcome(100)

def return_nesting():
    value = []
    for _ in range(100_000):
        value = [value]
    return value

def return_itself():
    value = []
    value.append(value)
    return value

def return_much():
    return "x" * 20_000_000
'''

TOO_LONG = "more than 1 second"

ENDS = [
    ("sys_exit", "SystemExit: 3"),
    ("sys_exit_0", "SystemExit: 0"),
    ("os_exit", "exit status 0"),
    ("kill_itself", "SIGKILL"),
    ("terminate_itself", "SIGTERM"),
    ("end_with_nameless_signal", "signal 40"),
    ("kill_its_group", "SIGKILL"),
    ("abort", "SIGABRT"),
    ("segfault", "SIGSEGV"),
    ("interrupt", "KeyboardInterrupt"),
    ("raise_odd_exception", "Odd"),
    ("raise_deep_exception", "ValueError"),
    ("loop", TOO_LONG),
    ("stop_itself", TOO_LONG),
    ("ignore_signals", TOO_LONG),
    ("take_memory", "MemoryError"),
    ("take_memory_bit_by_bit", "MemoryError"),
    ("recurse", "RecursionError"),
    # Newer interpreters notice it themselves.
    ("recurse_in_c", ""),
    ("write_much", "File too large"),
    ("close_descriptors", "process"),
    ("write_garbage", "no message"),
    ("write_a_great_length", "no message"),
    ("send_no_json", "no message"),
    ("send_a_list", "no message"),
    ("send_nesting", "no message"),
    ("send_an_end_that_is_no_json", "no message"),
    ("send_an_end_that_is_no_text", "no message"),
    ("send_an_empty_failure", "no message"),
    ("send_a_failure_with_odd_details", "no message"),
    ("send_a_broken_fact", "no message"),
    ("send_a_broken_operation", "no message"),
    ("send_a_broken_record", "no message"),
    ("send_an_unknown_operation", "AetherFlowError"),
    ("answer_with_7_mb", "ValueError"),
    ("inject_header", "ValueError"),
    ("inject_header_name", "ValueError"),
    ("answer_with_odd_status", "ValueError"),
]


@pytest.fixture(scope="module")
def hostile(service: Service) -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


@pytest.fixture(autouse=True)
def next_session_is_fine(hostile: Deployed) -> object:
    """Make sure after each test that other sessions of the trigger find everything in order."""
    yield
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: hostile.call("run", content=b"be_fine"), range(2)))
    for answer in answers:
        assert answer.json() == {"colour": "green", "more": None, "here": True, "threads": 1}
    session = session_of(hostile.service, answers[0])
    assert prints_of(hostile.service, session["id"]) == ["printed", "logged"]


@pytest.mark.parametrize(("deed", "error"), ENDS)
def test_a_handler_that_comes_to_a_bad_end_fails_and_its_caller_is_told(
    hostile: Deployed, deed: str, error: str
) -> None:
    # What would go on for ever must not take long here, and a loaded machine has time for the rest.
    trigger = "run_briefly" if error == TOO_LONG else "run"
    answer = hostile.call(trigger, content=deed.encode())
    assert (answer.status_code, answer.json()["code"]) == (500, "handler_failed"), answer.text
    session = session_of(hostile.service, answer)
    assert session["status"] == "failed"
    assert error in session["error"]
    assert log_of(hostile.service, session["id"])


RETURNS = [
    ("fork", "parent"),
    ("fork_and_loop", "parent"),
    ("fork_many", "one of many"),
    ("leave_threads", "left"),
    ("print_10_mb_in_a_line", "said"),
    ("print_50_mb_in_a_line", "said"),
    ("print_10_mb_in_lines", "said"),
    ("print_odd_characters", "said"),
    ("take_many_steps", "taken"),
    ("send_a_step_of_ages", "sent"),
    ("change_surroundings", "changed"),
    ("delete_its_folder", "deleted"),
    ("leave_an_alarm", "left"),
    ("return_nesting", {"message": "The request was handled."}),
    ("return_itself", {"message": "The request was handled."}),
    ("return_much", {"message": "The request was handled."}),
]


def test_a_stop_that_a_process_makes_up_ends_the_session(hostile: Deployed) -> None:
    answer = hostile.call("run", content=b"send_an_odd_stop")
    assert (answer.status_code, answer.json()["code"]) == (503, "session_stopped"), answer.text
    assert session_of(hostile.service, answer)["status"] == "stopped"


@pytest.mark.parametrize(("deed", "returned"), RETURNS)
def test_a_handler_that_leaves_disorder_is_answered(hostile: Deployed, deed: str, returned: object) -> None:
    answer = hostile.call("long", content=deed.encode())
    assert (answer.status_code, answer.json()) == (200, returned)
    session = session_of(hostile.service, answer)
    assert session["status"] == "completed"
    assert log_of(hostile.service, session["id"])


@pytest.mark.parametrize(
    ("deed", "status", "body"),
    [
        ("answer_from_thread", 299, b"from a thread"),
        ("answer_with_6_mib", 200, b"x" * (6 << 20)),
        ("answer_often", 200, b"0"),
    ],
)
def test_an_unusual_answer_is_sent(hostile: Deployed, deed: str, status: int, body: bytes) -> None:
    answer = hostile.call("long", content=deed.encode())
    assert (answer.status_code, answer.content == body) == (status, True)
    assert session_of(hostile.service, answer)["status"] == "completed"


@pytest.mark.parametrize(
    ("deed", "attempts"), [("kill_itself", 3), ("os_exit", 3), ("loop", 1), ("sys_exit", 1)]
)
def test_an_asynchronous_session_whose_process_dies_runs_three_times_at_most(
    hostile: Deployed, deed: str, attempts: int
) -> None:
    answer = hostile.call("run_async", content=deed.encode())
    session = session_of(hostile.service, answer)
    assert session["status"] == "failed"
    # What the service itself gave up, because it was slow or had no room, is an attempt and no try of the handler.
    assert session["attempt"] >= attempts
    retries = [entry for entry in log_of(hostile.service, session["id"]) if entry["kind"] == "retry"]
    assert len(retries) == attempts - 1
