"""The process that forks the processes of sessions, seen from the service.

Its other side is `aetherflow.runner.zygote`, which says what is exchanged. It is started with the first session and
again when it has died; what it forked dies with it.
"""

import asyncio
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import aetherflow.runner
import structlog

from app.runner.channel import Channel

SCRIPT = Path(aetherflow.runner.__file__).with_name("zygote.py")

LENGTH = struct.Struct(">I")

log = structlog.get_logger()


class Process:
    """A process that performs one session at a time. `died` is done, with its wait status, when it has ended."""

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self.channel = channel
        self.died: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def is_alive(self) -> bool:
        """Whether it has not been seen to end."""
        return not self.died.done() and not self.channel.is_closed

    def kill(self) -> None:
        """End it and all that it started, at once."""
        # The group is gone when the process and all its children are.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.channel.close()

    def describe_death(self) -> str:
        """Return how it ended, for people."""
        status = self.died.result() if self.died.done() else 0
        if os.WIFSIGNALED(status):
            return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
        return f"exit status {os.waitstatus_to_exitcode(status)}"


class Zygote:
    """Forks processes, and tells each of its end."""

    def __init__(self, *, python: str, memory_bytes: int) -> None:
        self._python = python
        self._memory_bytes = memory_bytes
        self._forking = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[int] | None = None
        self._children: dict[int, Process] = {}
        # Deaths that were told before the answer to their fork.
        self._early: dict[int, int] = {}

    async def fork(
        self, folder: Path, environment: dict[str, str], *, packages: Path | None = None
    ) -> Process:
        """Return a new process that works in `folder` with exactly this environment, and finds `packages`.

        Raises:
            OSError: the system does not allow another process.
        """
        async with self._forking:
            if self._listening is None or self._listening.done():
                await self._start()
            ours, theirs = socket.socketpair()
            try:
                request = {
                    "folder": str(folder),
                    "environment": environment,
                    "packages": None if packages is None else str(packages),
                    "memory_bytes": self._memory_bytes,
                }
                pid = await self._request({"fork": request}, theirs)
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()
            process = Process(pid, await Channel.open(ours))
            if (status := self._early.pop(pid, None)) is not None:
                process.died.set_result(status)
            else:
                self._children[pid] = process
            return process

    async def stop(self) -> None:
        """End it, and with it everything that it forked."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._process = await asyncio.create_subprocess_exec(
            self._python,
            "-I",
            str(SCRIPT),
            str(theirs.fileno()),
            pass_fds=[theirs.fileno()],
            # Nothing of ours: no address of a database, no key.
            env={name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        # asyncio wants the socket for itself, and cannot send descriptors.
        self._socket = ours.dup()
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._early.clear()
        self._listening = asyncio.get_running_loop().create_task(self._listen(self._reader))

    async def _request(self, request: dict[str, Any], descriptor: socket.socket) -> int:
        if self._socket is None or self._writer is None:
            raise RuntimeError("the zygote was not started")
        self._answer = asyncio.get_running_loop().create_future()
        text = json.dumps(request).encode()
        socket.send_fds(self._socket, [LENGTH.pack(len(text))], [descriptor.fileno()])
        self._writer.write(text)
        await self._writer.drain()
        return await self._answer

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Take answers and deaths until it ends."""
        try:
            while True:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                message = json.loads(await reader.readexactly(length))
                if "pid" in message:
                    if self._answer is not None and not self._answer.done():
                        self._answer.set_result(message["pid"])
                else:
                    self._note_death(message["exited"], message["status"])
        except (asyncio.IncompleteReadError, OSError):
            log.warning("zygote_died")
        finally:
            self._give_up()

    def _note_death(self, pid: int, status: int) -> None:
        process = self._children.pop(pid, None)
        if process is None:
            self._early[pid] = status
        elif not process.died.done():
            process.died.set_result(status)

    def _give_up(self) -> None:
        """Tell everybody who waits that it has died, and close what led to it."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(OSError("the process that forks others has died"))
        for process in self._children.values():
            if not process.died.done():
                process.died.set_result(signal.SIGKILL)
        self._children.clear()
        if self._writer is not None:
            self._writer.close()
        if self._socket is not None:
            self._socket.close()


def python_of(setting: str | None) -> str:
    """Return the interpreter that runs user code."""
    return setting or sys.executable
