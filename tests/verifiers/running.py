"""Receivers' checks of `X-AetherFlow-Signature` in three languages, each a process that answers line by line."""

import base64
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from tests.servers import GO, NODE, Servers

PROGRAMS = Path(__file__).parent
# A first build compiles a part of Go's library too.
BUILD_TIMEOUT_SECONDS = 50


class Verifiers:
    """The running programs by their languages."""

    def __init__(self, processes: Mapping[str, subprocess.Popen[str]]) -> None:
        self._processes = processes

    def judge(self, secret: str, signature: str, body: bytes) -> dict[str, bool]:
        """Return what the program of each language says of a signature."""
        case = {"secret": secret, "signature": signature, "body_base64": base64.b64encode(body).decode()}
        line = json.dumps(case) + "\n"
        return {language: ask(process, line) for language, process in self._processes.items()}


@contextlib.contextmanager
def run_verifiers(servers: Servers, folder: Path) -> Iterator[Verifiers]:
    """Run all of them; `folder` is for what has to be built. Raises MissingServerError."""
    commands = {
        "JavaScript": [str(servers.find_language(NODE)), str(PROGRAMS / "verify.js")],
        "Python": [sys.executable, "-I", str(PROGRAMS / "verify.py")],
        "Go": [str(build_go(servers.find_language(GO), PROGRAMS / "verify.go", folder))],
    }
    with contextlib.ExitStack() as stack:
        yield Verifiers({language: stack.enter_context(run(one)) for language, one in commands.items()})


@contextlib.contextmanager
def run(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        # They end with their input.
        pipe(process.stdin).close()
        assert process.wait(timeout=10) == 0


def build_go(go: Path, source: Path, folder: Path) -> Path:
    """Return a program built from one source file, which needs nothing but Go's own library."""
    program = folder / source.stem
    # Nothing is to be fetched, not even another version of Go.
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
    done = subprocess.run(
        [str(go), "build", "-o", str(program), str(source)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return program


def ask(process: subprocess.Popen[str], line: str) -> bool:
    pipe(process.stdin).write(line)
    pipe(process.stdin).flush()
    answer = pipe(process.stdout).readline().strip()
    assert answer in ("valid", "invalid"), answer
    return answer == "valid"


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
