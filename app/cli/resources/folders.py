"""The files of a folder that is deployed."""

import os
from collections.abc import Iterator
from pathlib import Path

from app.errors import MalformedArchive, Problem
from app.rules.archives import MOST_BYTES, read_parts

# What tools leave in a folder. `.aetherflow` is where `dev` keeps its data, the keyring among it.
SKIPPED_NAMES = frozenset({".aetherflow", ".git", ".venv", "__pycache__", "node_modules"})
SKIPPED_ENDING = ".pyc"


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder by path, without what tools leave there.

    Links are refused wherever they lead: what is deployed must not depend on what else a machine has.

    Raises:
        MalformedArchive: a deployment cannot hold some of what is there, which `problems` lists.
        TooLarge: there is more than a deployment can hold.
        OSError: something cannot be read.
    """
    refused: list[Problem] = []
    files: dict[str, bytes] = {}
    try:
        files = read_parts(read_files(folder, "", refused))
    except MalformedArchive as error:
        refused += error.problems
    if refused:
        count = len(refused)
        raise MalformedArchive(
            f"A deployment cannot hold {count} {'entry' if count == 1 else 'entries'} of the folder.",
            problems=refused,
        )
    return files


def read_files(folder: Path, prefix: str, refused: list[Problem]) -> Iterator[tuple[str, bytes]]:
    """Yield paths and contents in order; what is neither file nor folder is added to `refused`.

    Raises:
        OSError: something cannot be read.
    """
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = prefix + entry.name
        if entry.name in SKIPPED_NAMES or entry.name.endswith(SKIPPED_ENDING):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from read_files(Path(entry.path), f"{path}/", refused)
        elif entry.is_file(follow_symlinks=False):
            with open(entry.path, "rb") as file:
                # One byte more than is allowed is enough to be refused.
                yield path, file.read(MOST_BYTES + 1)
        else:
            kind = "link" if entry.is_symlink() else "device"
            refused.append(
                Problem("", f"A deployment holds plain files and no {kind}.", file=show_path(path))
            )


def show_path(path: str) -> str:
    """Return a path as text that can be printed, whatever bytes its name has."""
    return os.fsencode(path).decode(errors="backslashreplace")
