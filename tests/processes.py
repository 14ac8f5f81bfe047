"""Programs that tests start, stop, kill and freeze.

Each runs in a session of its own, so that a Ctrl-C meant for pytest does not reach it, and is known to the
reaper, so that none outlives the tests. Its output goes to a file, whose end is shown when something fails.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from tests.reaper import family, forget, own, send
from tests.waiting import until

LOG_TAIL_BYTES = 4096
# A loaded machine takes seconds to start a database; a program that takes longer than this hangs.
START_TIMEOUT_SECONDS = 30
# Above the 30 seconds in which the service promises to finish what is in flight.
STOP_TIMEOUT_SECONDS = 40
# Below 32768 Linux gives no port to outgoing connections, so none is taken while its server is down.
FIRST_PORT, LAST_PORT = 15_000, 32_000


class StartError(Exception):
    """A program ended, or did not become ready in time; the message ends with the end of its log."""


class Process:
    """One program that can be started again after each of its ends, on the same port and folder.

    A subclass says when it is ready. `user` is the ordinary user to run as, for programs that refuse root.
    """

    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        folder: Path,
        environment: Mapping[str, str],
        user: str | None = None,
    ) -> None:
        self.command = list(command)
        self.name = name
        self.folder = folder
        self.environment = dict(environment)
        self.user = user
        self.log = folder / f"{name}.log"
        self._popen: subprocess.Popen[bytes] | None = None
        self._started: list[int] = []

    def start(self) -> Self:
        """Start the program and wait until it is ready.

        Raises:
            StartError: it ended instead, or was not ready within 30 seconds.
        """
        self.launch()
        return self.wait_until_ready()

    def launch(self) -> None:
        """Start the program without waiting for it."""
        assert not self.is_running, f"{self.name} is running already"
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **run_as(self.user),
            )
        self._started.append(self.pid)
        own("process", self.pid)

    def wait_until_ready(self) -> Self:
        """Wait for a program that was launched; raises as `start` does."""
        with contextlib.suppress(AssertionError):
            until(
                lambda: not self.is_running or self.is_ready(),
                what=f"{self.name} is ready",
                timeout_seconds=START_TIMEOUT_SECONDS,
            )
            if self.is_running:
                return self
        status = self._popen.poll() if self._popen else None
        self.close()
        ending = "was not ready in time" if status is None else f"ended with status {status}"
        raise StartError(f"{self.name} {ending}\n{self.log_tail()}")

    def stop(self) -> int:
        """Ask the program to end and return its exit status; negative when a signal ended it."""
        self.resume()
        assert self._popen is not None, f"{self.name} was never started"
        self._popen.send_signal(self.stop_signal)
        try:
            return self._popen.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} ignored {self.stop_signal.name}\n{self.log_tail()}") from None

    def kill9(self) -> None:
        """End the program at once, as a crash does; what it had started is left to end by itself."""
        assert self._popen is not None, f"{self.name} was never started"
        self._popen.kill()
        self._popen.wait()

    def pause(self) -> None:
        """Freeze the program with its children: connections stay open and nothing answers."""
        send(signal.SIGSTOP, family(self.pid))
        # A child that was being born meanwhile is frozen by a second round.
        send(signal.SIGSTOP, family(self.pid))

    def resume(self) -> None:
        """Let a frozen program go on; nothing happens to one that runs."""
        if self.is_running:
            send(signal.SIGCONT, family(self.pid))

    def restart(self) -> Self:
        """Stop the program if it runs, and start it again."""
        if self.is_running:
            self.stop()
        return self.start()

    def close(self) -> None:
        """Kill whatever is left of the program, of all its starts."""
        for pid in self._started:
            send(signal.SIGKILL, family(pid))
        if self._popen is not None:
            self._popen.wait()
        until(
            lambda: not any(family(pid) for pid in self._started),
            what=f"{self.name} and its children are gone",
        )
        for pid in self._started:
            forget(pid)
        self._started.clear()

    def is_ready(self) -> bool:
        """Whether the program can be used; asked again and again after its start."""
        return True

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    def log_tail(self) -> str:
        """Return the end of what the program wrote."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")

    def __enter__(self) -> Self:
        return self if self.is_running else self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def temporary_folder(user: str | None = None) -> Iterator[Path]:
    """Give a new folder that `user`, or else we, may write to, and remove it afterwards.

    Its path is short, because a Unix socket's may have 107 bytes, and the folders above let others pass.
    """
    folder = Path(tempfile.mkdtemp(prefix="aetherflow-", dir=passable_folder()))
    own("folder", folder)
    if user is not None:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        forget(folder)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    while True:
        # `secrets`, because the tests' random numbers are seeded and two runs would meet on one port.
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def accepts_connections(port: int) -> bool:
    """Whether somebody listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ordinary_user() -> str | None:
    """Return the user for programs that refuse to run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def passable_folder() -> str:
    folder = Path(tempfile.gettempdir()).resolve()
    is_passable = all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))
    return str(folder) if is_passable else "/tmp"


def run_as(user: str | None) -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` that run a program as `user`, in that user's group only."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
