"""The process that the service starts once, and that forks one process for each session at a time.

A fork of an interpreter that has started and imported this package costs two milliseconds; starting one costs forty.
Run as a script, with the number of a connected Unix socket: `python -I zygote.py 5`. What comes and goes there is
JSON behind four bytes of length:

    {"fork": {"number", "folder", "environment", "packages", "memory_bytes"}} with a descriptor, the session's channel
        -> {"number", "pid"}, or {"number", "refused": errno} when the system does not allow another process
    {"exited": pid, "status": as of waitpid} whenever a process has ended

It ends when the service does, and with it all that it forked and what those have started.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, NoReturn

PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Imported before the author's folder is on the path, so that no file there can stand for them.
sys.path.insert(0, PACKAGES)
import autokitteh  # noqa: E402, F401
from aetherflow.runner.channel import LENGTH, Channel  # noqa: E402
from aetherflow.runner.child import Child  # noqa: E402

sys.path.remove(PACKAGES)

# prctl(2), Linux: the signal that a process gets when its parent dies.
PR_SET_PDEATHSIG = 1

# Where what is not of the standard library begins on the path.
INSTALLED = ("site-packages", "dist-packages")

# Files that one process may have open, and the largest that it may write.
MOST_FILES = 1_024
MOST_FILE_BYTES = 1 << 30


class Zygote:
    """Forks on demand and tells of deaths."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        os.set_blocking(self._read_end, False)
        self._children: set[int] = set()

    def serve(self) -> None:
        """Work until the service closes the socket."""
        signal.set_wakeup_fd(self._write_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # A key press in the terminal is for the service, which then says what is to happen.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.freeze()
        try:
            while True:
                readable, _, _ = select.select([self._control, self._read_end], [], [])
                if self._read_end in readable:
                    os.read(self._read_end, 4096)
                    self._reap()
                if self._control in readable and not self._fork_one():
                    return
        except (EOFError, OSError):
            # The service has ended while it was talked to.
            return
        finally:
            self._end_children()

    def _fork_one(self) -> bool:
        head, descriptors, _, _ = socket.recv_fds(self._control, LENGTH.size, 1)
        if not head:
            return False
        channel = Channel(self._control)
        request = channel.receive_body(head)["fork"]
        answer = {"number": request["number"]}
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            channel.send({**answer, "refused": error.errno})
        else:
            if pid == 0:
                become_child(self, request, descriptors[0], parent=zygote)
            self._children.add(pid)
            channel.send({**answer, "pid": pid})
        finally:
            os.close(descriptors[0])
        return True

    def _reap(self) -> None:
        for pid in list(self._children):
            # While it is not reaped, no other process gets its number.
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                end_group(pid)
                self._children.discard(pid)
                _, status = os.waitpid(pid, 0)
                Channel(self._control).send({"exited": pid, "status": status})

    def _end_children(self) -> None:
        """End what was forked."""
        for pid in self._children:
            end_group(pid)

    def close(self) -> None:
        """Let go of what only the zygote needs."""
        signal.set_wakeup_fd(-1)
        for descriptor in (self._read_end, self._write_end):
            os.close(descriptor)
        self._control.close()


def become_child(zygote: Zygote, request: dict[str, Any], descriptor: int, *, parent: int) -> NoReturn:
    """Turn the forked process into one that performs sessions, and end it when there are no more."""
    try:
        zygote.close()
        os.setsid()
        end_with_parent()
        if os.getppid() != parent:
            # It had ended before the kernel knew that this is to matter.
            os._exit(0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        limit_resources(request["memory_bytes"])
        random.seed()
        installed = [n for n, path in enumerate(sys.path) if os.path.basename(path) in INSTALLED]
        place = installed[0] if installed else len(sys.path)
        sys.path[place:place] = [path for path in (request["folder"], request["packages"]) if path]
        os.environ.clear()
        os.environ.update(request["environment"])
        with socket.socket(fileno=descriptor) as connection:
            connection.set_inheritable(False)
            Child(Channel(connection), request["folder"], request["environment"]).serve()
    finally:
        # Not exit: nothing that the author or the zygote registered is to run now.
        os._exit(0)


def limit_resources(memory_bytes: int) -> None:
    """Bound what one process can take, so that it harms only itself."""
    for what, most in (
        # Not the address space, of which threads reserve a hundred times what they use.
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, MOST_FILES),
        (resource.RLIMIT_FSIZE, MOST_FILE_BYTES),
    ):
        _, hard = resource.getrlimit(what)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(what, (most, most))


def end_group(pid: int) -> None:
    """End a process and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def end_with_parent() -> None:
    """Have the kernel end this process with the one that made it, where the kernel can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    Zygote(socket.socket(fileno=int(sys.argv[1]))).serve()
