"""A PostgreSQL server of the tests' own, on a free loopback port in a temporary folder."""

import contextlib
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from tests.processes import Process, free_port, ordinary_user, run_as, temporary_folder
from tests.reaper import family, send
from tests.waiting import until

USER = "aetherflow"

# Only a crash of the machine can tell the difference, and the tests cause none. synchronous_commit stays on:
# without it a killed server loses what it had acknowledged.
FAST = {"fsync": "off", "full_page_writes": "off"}
DURABLE = {"fsync": "on", "full_page_writes": "on"}


class Postgres(Process):
    """A server that can be killed and started again without losing what it had committed."""

    # "Fast shutdown": do not wait for clients to leave.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(self, programs: Path, *, folder: Path, durable: bool = False) -> None:
        """Prepare a server in `folder` from the programs in `programs`.

        `durable` waits for the disk at each commit, as a server in production does.
        """
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.data = folder / "data"
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "max_connections": 200,
            "synchronous_commit": "on",
            **(DURABLE if durable else FAST),
        }
        super().__init__(
            [str(programs / "postgres"), "-D", str(self.data), "-p", str(self.port)]
            + [f"--{name}={value}" for name, value in settings.items()],
            name="postgres",
            folder=folder,
            environment={"LC_ALL": "C", "PATH": str(programs)},
            user=ordinary_user(),
        )
        self._make_data(programs)

    def kill9(self) -> None:
        """Kill the server with all its children, as the end of its machine would."""
        doomed = family(self.pid)
        send(signal.SIGKILL, doomed)
        super().kill9()
        until(lambda: not any(family(pid) for pid in doomed), what="PostgreSQL is gone")

    def close(self) -> None:
        """End the server at once, yet not by a kill, which would leave its shared memory behind."""
        if self.is_running:
            self.resume()
            send(signal.SIGQUIT, [self.pid])
            until(lambda: not self.is_running, what="PostgreSQL is gone")
        super().close()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def is_ready(self) -> bool:
        """Whether the server says so in its lock file: first line its process id, eighth line its state."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].startswith("ready")

    def _make_data(self, programs: Path) -> None:
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o644)
        arguments = {"pgdata": self.data, "username": USER, "pwfile": password_file}
        made = subprocess.run(
            [str(programs / "initdb"), "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
            + [f"--{name}={value}" for name, value in arguments.items()],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            **run_as(self.user),
        )
        password_file.unlink()
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")


@contextlib.contextmanager
def run_postgres(programs: Path, *, durable: bool = False) -> Iterator[Postgres]:
    """Run a server until the end of the block."""
    with (
        temporary_folder(ordinary_user()) as folder,
        Postgres(programs, folder=folder, durable=durable) as server,
    ):
        yield server
