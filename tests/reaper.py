"""Ends what a test session leaves behind, even when the session itself was killed.

The session starts this module once as a program and tells it, line by line on its standard input, what it
owns: `process PID` and `folder PATH`, and `forget PID` or `forget PATH` once it has cleaned up itself. The
end of that input, which the system closes whatever ends the session, is the signal to do it for what is left.
"""

import atexit
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Literal

from tests.checkout import ROOT
from tests.waiting import PAUSE_SECONDS


def own(kind: Literal["process", "folder"], thing: int | Path) -> None:
    """Have a process killed, or a folder removed, when this session is over."""
    tell(f"{kind} {thing}")


def forget(thing: int | Path) -> None:
    """Take back `own`: the process has ended, or the folder is gone."""
    tell(f"forget {thing}")


def family(pid: int) -> set[int]:
    """Return the living processes that descend from `pid` or were started in its session, itself included.

    Both ties are needed: PostgreSQL's children open sessions of their own, and the children of a process that
    was killed have another parent. Without /proc the answer is `pid` alone, as long as it exists.
    """
    ties = {child: (parent, session) for child, parent, session in read_ties()}
    if not ties:
        return {pid} if exists(pid) else set()
    found = {pid, *(child for child, (_, session) in ties.items() if session == pid)}
    while more := {child for child, (parent, _) in ties.items() if parent in found} - found:
        found |= more
    return found & ties.keys()


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to each process that still exists."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def read_ties() -> Iterator[tuple[int, int, int]]:
    """Yield (pid, parent, session) of every process but zombies, which are gone but for their exit status."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The second field is the program's name in parentheses, which may hold spaces and parentheses.
            state, parent, _, session, *_ = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state != "Z":
            yield int(entry.parent.name), int(parent), int(session)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def tell(line: str) -> None:
    pipe = reaper().stdin
    assert pipe is not None
    # What is cleaned up after the end of the session, the program has cleaned up before.
    if not pipe.closed:
        pipe.write(f"{line}\n")
        pipe.flush()


@functools.cache
def reaper() -> subprocess.Popen[str]:
    """Start the program, once in a session."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.reaper"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # Ctrl-C goes to every process of a terminal's session, and this one has work to do afterwards.
        start_new_session=True,
    )
    # Closes its input and waits for it, so that nothing happens any more once the session has ended well.
    atexit.register(started.communicate)
    return started


def reap(lines: IO[str]) -> None:
    """Read what is owned until the input ends; then end the processes and remove the folders."""
    owned: dict[str, str] = {}
    for line in lines:
        verb, _, thing = line.rstrip("\n").partition(" ")
        if verb == "forget":
            owned.pop(thing, None)
        else:
            owned[thing] = verb
    pids = [int(thing) for thing, kind in owned.items() if kind == "process"]
    while doomed := set[int]().union(*map(family, pids)):
        send(signal.SIGKILL, doomed)
        # A killed process may write to its folder until it is gone.
        time.sleep(PAUSE_SECONDS)
    for folder in (thing for thing, kind in owned.items() if kind == "folder"):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    reap(sys.stdin)
