"""Where the tests' PostgreSQL and Redis come from, in this order:

1. `TEST_DATABASE_URL` and `TEST_REDIS_URL`;
2. programs on this machine, started on a free port in a temporary folder;
3. the system's package manager, when we are root; then as 2.

Node.js and Go, in which receivers are written, come the same way; `TEST_NODE` and `TEST_GO` name their programs.

`python -m tests.servers` keeps both running and prints the two variables, which spares their start each time.
"""

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.postgres_server import Postgres, run_postgres
from tests.redis_server import Redis, run_redis

# Where PostgreSQL's programs lie without being on the path: Debian, then the packages of postgresql.org.
POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
# Ctrl-C, and `kill`.
ENDINGS = {signal.SIGINT, signal.SIGTERM}
# A mirror can be slow, but not forever.
INSTALL_TIMEOUT_SECONDS = 600


class MissingServerError(Exception):
    """There is no such server or language and no way to get one; the message is one line that names the remedy."""


# Compared and hashed by identity: there are four.
@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of server or language: the variable that names one, and the packages that bring its programs."""

    name: str
    variable: str
    packages: Mapping[str, str]
    program: str = ""
    """The one program of a language."""


POSTGRESQL = Kind(
    "PostgreSQL",
    "TEST_DATABASE_URL",
    {"apt-get": "postgresql", "dnf": "postgresql-server", "apk": "postgresql"},
)
REDIS = Kind("Redis", "TEST_REDIS_URL", {"apt-get": "redis-server", "dnf": "redis", "apk": "redis"})
NODE = Kind("Node.js", "TEST_NODE", {"apt-get": "nodejs", "dnf": "nodejs", "apk": "nodejs"}, "node")
GO = Kind("Go", "TEST_GO", {"apt-get": "golang-go", "dnf": "golang", "apk": "go"}, "go")

SERVERS = (POSTGRESQL, REDIS)
KINDS = (*SERVERS, NODE, GO)

MANAGERS: Mapping[str, tuple[list[str], ...]] = {
    "apt-get": (
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends"],
    ),
    "dnf": (["dnf", "install", "-y"],),
    "apk": (["apk", "add", "--no-cache"],),
}


class Servers:
    """The servers of one test session: the shared ones start when first asked for, and stay until `close`."""

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        *,
        is_root: bool = os.geteuid() == 0,
        postgres_folders: Iterable[str] = POSTGRES_FOLDERS,
    ) -> None:
        self.environment = environment
        self.is_root = is_root
        self.postgres_folders = postgres_folders
        self._lacking: list[Kind] = []
        self._running = contextlib.ExitStack()

    def install(self, kinds: Iterable[Kind]) -> None:
        """Install those of `kinds` whose programs are missing, if that is possible; this can take minutes."""
        wanted = set(kinds)
        self._lacking = [kind for kind in KINDS if kind in wanted and not self._find(kind)]
        if self._lacking and self.is_root:
            install(self._lacking, path=self._path)
            self._lacking = [kind for kind in self._lacking if not self._find(kind)]

    def is_given(self, kind: Kind) -> bool:
        """Whether the environment names a running server, or the program of a language."""
        return bool(self.environment.get(kind.variable))

    @functools.cached_property
    def postgres_url(self) -> str:
        """The shared PostgreSQL; its user may create databases. Raises MissingServerError."""
        if self.is_given(POSTGRESQL):
            return self.environment[POSTGRESQL.variable]
        return self._running.enter_context(self.run_postgres()).url()

    @functools.cached_property
    def redis_url(self) -> str:
        """The shared Redis. Raises MissingServerError."""
        if self.is_given(REDIS):
            return self.environment[REDIS.variable]
        return self._running.enter_context(self.run_redis()).url()

    @contextlib.contextmanager
    def run_postgres(self, *, durable: bool = False) -> Iterator[Postgres]:
        """Run a server that a test may kill. Raises MissingServerError."""
        with run_postgres(self._require(POSTGRESQL).parent, durable=durable) as server:
            yield server

    @contextlib.contextmanager
    def run_redis(self) -> Iterator[Redis]:
        """Run a server that a test may kill. Raises MissingServerError."""
        with run_redis(self._require(REDIS)) as server:
            yield server

    def find_language(self, kind: Kind) -> Path:
        """Return the program of a language. Raises MissingServerError."""
        return Path(self.environment[kind.variable]) if self.is_given(kind) else self._require(kind)

    def close(self) -> None:
        """Stop the shared servers."""
        self._running.close()

    @property
    def _path(self) -> str:
        return self.environment.get("PATH", os.defpath)

    def _find(self, kind: Kind) -> Path | None:
        if kind is POSTGRESQL:
            return find_postgres(self._path, self.postgres_folders)
        if kind is REDIS:
            return find_redis(self._path)
        found = shutil.which(kind.program, path=self._path)
        return Path(found) if found else None

    def _require(self, wanted: Kind) -> Path:
        if found := self._find(wanted):
            return found
        # One message for all that is missing, so that it is told once however many tests need it.
        raise MissingServerError(
            remedy([kind for kind in KINDS if kind in (wanted, *self._lacking)], path=self._path)
        )


def find_postgres(path: str, folders: Iterable[str]) -> Path | None:
    """Return the `postgres` on `path`, else the newest in `folders`; `initdb` lies beside it."""
    installed = [found for pattern in folders for found in Path("/").glob(pattern.lstrip("/"))]
    installed.sort(key=version_in, reverse=True)
    for folder in (*map(Path, path.split(os.pathsep)), *installed):
        program = (folder / "postgres").resolve()
        if os.access(program, os.X_OK) and os.access(program.with_name("initdb"), os.X_OK):
            return program
    return None


def version_in(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def find_redis(path: str) -> Path | None:
    """Return `redis-server`, or the `valkey-server` that took its place in some systems."""
    found = shutil.which("redis-server", path=path) or shutil.which("valkey-server", path=path)
    return Path(found) if found else None


def install(kinds: Iterable[Kind], *, path: str) -> None:
    """Install programs with the first package manager on `path`; a failure is shown, not raised."""
    manager = find_manager(path)
    if manager is None:
        return
    *before, last = MANAGERS[manager]
    packages = [kind.packages[manager] for kind in kinds]
    print(f"Installing {' and '.join(packages)} with {manager}.", file=sys.stderr)
    for command in (*before, [*last, *packages]):
        done = subprocess.run(
            command,
            env=os.environ | {"PATH": path, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            print(f"{' '.join(command)} failed:\n{done.stdout}", file=sys.stderr)


def find_manager(path: str) -> str | None:
    return next((name for name in MANAGERS if shutil.which(name, path=path)), None)


def remedy(kinds: Iterable[Kind], *, path: str) -> str:
    """Return one line that says what is missing and what to do about it."""
    names, variables = (" and ".join(getattr(kind, part) for kind in kinds) for part in ("name", "variable"))
    manager = find_manager(path) or "apt-get"
    command = " ".join([*MANAGERS[manager][-1], *(kind.packages[manager] for kind in kinds)])
    return f"no {names} for the tests: run `{command}` as root, or set {variables}"


def main() -> None:
    servers = Servers()
    servers.install(kind for kind in SERVERS if not servers.is_given(kind))
    try:
        variables = {POSTGRESQL.variable: servers.postgres_url, REDIS.variable: servers.redis_url}
        print("export", *(f"{name}={url}" for name, url in variables.items()), flush=True)
        # Blocked only now, because the servers would have inherited it.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        signal.sigwait(ENDINGS)
    except MissingServerError as error:
        sys.exit(str(error))
    finally:
        servers.close()


if __name__ == "__main__":
    main()
