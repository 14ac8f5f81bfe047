"""A number in shared memory: how many deliveries the receiver has counted so far.

The generator reads it to bound what is on its way and the benchmark to see progress; neither disturbs the
receiver.
"""

import contextlib
import mmap
from collections.abc import Iterator
from pathlib import Path

SIZE_BYTES = 8


def make_counter(path: Path) -> None:
    """Creates the file behind a counter, at zero."""
    path.write_bytes(bytes(SIZE_BYTES))


@contextlib.contextmanager
def open_counter(path: Path) -> Iterator[memoryview]:
    """Maps a counter; element 0 of the view is its value."""
    with (
        path.open("r+b") as file,
        mmap.mmap(file.fileno(), SIZE_BYTES) as shared,
        memoryview(shared) as content,
        content.cast("Q") as numbers,
    ):
        yield numbers
