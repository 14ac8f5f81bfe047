"""A shell that runs the commands of a page one after the other, as a reader would."""

import os
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from tests.reaper import family, forget, own, send
from tests.waiting import until

BLOCK_TIMEOUT_SECONDS = 30


class Shell:
    """One bash, in which variables and background programs live from block to block."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        own("process", self._bash.pid)
        self._output = ""
        self._blocks = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def run(self, block: str) -> str:
        """Run a block to its end and return what was printed meanwhile.

        Raises:
            AssertionError: its last command failed, or it took too long.
        """
        self._blocks += 1
        marker = f"end of block {self._blocks}, status "
        start = len(self._output)
        # The marker begins a line of its own, after an answer that has no line end.
        self._stdin.write(f"{block}\nblock_status=$?; echo; echo '{marker}'$block_status\n")
        self._stdin.flush()
        found = until(
            lambda: re.search(rf"{marker}(\d+)\n", self._output[start:]),
            what=f"this has run:\n{block}",
            timeout_seconds=BLOCK_TIMEOUT_SECONDS,
        )
        assert found is not None
        printed = self._output[start : start + found.start()]
        assert found[1] == "0", f"{block}\n{printed}"
        return printed

    @property
    def output(self) -> str:
        """Everything that was printed, by background programs too."""
        return self._output

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        send(9, family(self._bash.pid))
        self._bash.wait()
        self._reader.join()
        self._stdin.close()
        self._stdout.close()
        forget(self._bash.pid)

    @property
    def _stdin(self) -> IO[str]:
        assert self._bash.stdin is not None
        return self._bash.stdin

    @property
    def _stdout(self) -> IO[str]:
        assert self._bash.stdout is not None
        return self._bash.stdout

    def _read(self) -> None:
        while text := os.read(self._stdout.fileno(), 65536):
            self._output += text.decode(errors="replace")
