"""The process that forks the processes of sessions, seen from the service.

Its other side is `aetherflow.runner.zygote`, which says what is exchanged. It is started with the first session and
again when it has died; what it forked dies with it.
"""

import asyncio
import itertools
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

# What is not ours alone of the service's environment.
INHERITED = ("PATH", "HOME", "LANG", "TZ")

# How long it may take to end what it forked.
END_SECONDS = 2.0

# The id of a process, and what will be its wait status.
Answer = asyncio.Future[tuple[int, asyncio.Future[int]]]

log = structlog.get_logger()


class Process:
    """A process that performs one session at a time. `died` is done, with its wait status, when it has ended."""

    def __init__(self, pid: int, channel: Channel, died: asyncio.Future[int]) -> None:
        self.pid = pid
        self.channel = channel
        self.died = died

    @property
    def is_alive(self) -> bool:
        """Whether it has not been seen to end."""
        return not self.died.done() and not self.channel.is_closed

    def kill(self) -> None:
        """End it and all that it started, at once."""
        # Once it has been seen to end, its number may be another's.
        if not self.died.done():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.channel.close()

    def describe_death(self) -> str:
        """Return how it ended, for people."""
        status = self.died.result() if self.died.done() else 0
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            # Those for real time have no names.
            known = {one.value: one.name for one in signal.Signals}
            return f"signal {known.get(number, number)}"
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
        self._numbers = itertools.count()
        # By number of the request, so that the answer to one that was given up is nobody else's.
        self._answers: dict[int, Answer] = {}
        self._deaths: dict[int, asyncio.Future[int]] = {}

    async def fork(
        self, folder: Path, environment: dict[str, str], *, packages: Path | None = None
    ) -> Process:
        """Return a new process that works in `folder` with exactly this environment, and finds `packages`.

        Raises:
            OSError: the system does not allow another process.
        """
        request = {
            "folder": str(folder),
            "environment": environment,
            "packages": None if packages is None else str(packages),
            "memory_bytes": self._memory_bytes,
        }
        async with self._forking:
            if self._listening is not None and not self._listening.done():
                try:
                    return await self._fork(request)
                except ConnectionError:
                    # It has died meanwhile, which is no fault of this session.
                    await asyncio.wait([self._listening])
            await self._start()
            return await self._fork(request)

    async def stop(self) -> None:
        """End it, and with it everything that it forked."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            try:
                async with asyncio.timeout(END_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    self._python,
                    "-I",
                    str(SCRIPT),
                    str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    # Nothing of ours: no address of a database, no key.
                    env={name: os.environ[name] for name in INHERITED if name in os.environ},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        # asyncio wants the socket for itself, and cannot send descriptors.
        self._socket = ours.dup()
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._listening = asyncio.get_running_loop().create_task(self._listen(self._reader))

    async def _fork(self, request: dict[str, Any]) -> Process:
        ours, theirs = socket.socketpair()
        try:
            pid, died = await self._request(request, theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return Process(pid, await Channel.open(ours), died)

    async def _request(
        self, request: dict[str, Any], descriptor: socket.socket
    ) -> tuple[int, asyncio.Future[int]]:
        if self._socket is None or self._writer is None:
            raise RuntimeError("the zygote was not started")
        number = next(self._numbers)
        answer: Answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        text = json.dumps({"fork": {**request, "number": number}}).encode()
        try:
            socket.send_fds(self._socket, [LENGTH.pack(len(text))], [descriptor.fileno()])
            self._writer.write(text)
            await self._writer.drain()
        except BaseException:
            self._answers.pop(number, None)
            raise
        return await answer

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Take answers and deaths until it ends."""
        try:
            while True:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                message = json.loads(await reader.readexactly(length))
                if "exited" in message:
                    self._deaths.pop(message["exited"]).set_result(message["status"])
                else:
                    self._note_answer(message)
        except (asyncio.IncompleteReadError, OSError):
            log.warning("zygote_died")
        finally:
            self._give_up()

    def _note_answer(self, message: dict[str, Any]) -> None:
        """Take the answer to a fork; whoever wanted it may be gone, and then the process ends by its closed channel."""
        answer = self._answers.pop(message["number"], None)
        if "refused" in message:
            if answer is not None and not answer.done():
                answer.set_exception(OSError(message["refused"], os.strerror(message["refused"])))
            return
        died = self._deaths[message["pid"]] = asyncio.get_running_loop().create_future()
        if answer is not None and not answer.done():
            answer.set_result((message["pid"], died))

    def _give_up(self) -> None:
        """Tell everybody who waits that it has died, and close what led to it."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the process that forks others has died"))
        for died in self._deaths.values():
            died.set_result(signal.SIGKILL)
        self._answers.clear()
        self._deaths.clear()
        if self._writer is not None:
            self._writer.close()
        if self._socket is not None:
            self._socket.close()


def python_of(setting: str | None) -> str:
    """Return the interpreter that runs user code."""
    return setting or sys.executable
