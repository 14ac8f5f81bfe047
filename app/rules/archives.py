"""The files of a deployment, taken out of an archive or out of the parts of a form.

Paths are relative and plain, so that they mean the same wherever the files are laid out: whoever deploys
can neither write beside the deployment's folder nor have one file seen under two names. Everything that is
wrong with the entries is told at once. Sizes are capped before anything is unpacked that would exceed them.
"""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.errors import MalformedArchive, Problem, TooLarge
from app.rules.tarballs import read_entries

MOST_BYTES = 25 * 1024 * 1024
MOST_FILES = 2000

# Headers, padding and folders: 4 KiB for each file is more than pax needs for the longest path.
_MOST_TAR_BYTES = MOST_BYTES + MOST_FILES * 4096
_LONGEST_PATH_BYTES = 1024
_LONGEST_NAME_BYTES = 255  # what file systems take
_GZIP = 31  # the window bits by which zlib takes gzip and nothing else

_CONTROL = re.compile("[\0-\x1f\x7f]")
# macOS puts a file's attributes beside it under such a name.
_APPLE_DOUBLE = "._"


def read_archive(packed: bytes) -> dict[str, bytes]:
    """Return the files of a tar.gz by path; folders are left out, and so are the attributes of macOS.

    Raises:
        MalformedArchive: it cannot be read, or has entries that a deployment cannot hold, which
            `problems` lists.
        TooLarge: more than MOST_BYTES, packed or unpacked, or more than MOST_FILES.
    """
    if len(packed) > MOST_BYTES:
        raise _too_large()
    taken = _Taken()
    for entry in read_entries(_unpack(packed)):
        shown = entry.name.decode(errors="backslashreplace")
        if entry.kind == "folder":
            continue
        if entry.kind != "file":
            taken.refuse(shown, f"A deployment holds plain files and no {entry.kind}.")
        elif shown.encode() != entry.name:
            taken.refuse(shown, "The path is not UTF-8.")
        else:
            taken.add(shown, entry.content)
    return taken.files_or_refusal()


def read_parts(parts: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Return the files of a form by path.

    Raises:
        MalformedArchive: with every path that a deployment cannot hold.
        TooLarge: more than MOST_BYTES or MOST_FILES.
    """
    taken = _Taken()
    for path, content in parts:
        taken.add(path, content)
    return taken.files_or_refusal()


def _unpack(packed: bytes) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    try:
        # It stops one byte behind the limit, whatever the rest would become.
        tar = inflater.decompress(packed, _MOST_TAR_BYTES + 1)
    except zlib.error as error:
        raise MalformedArchive(f"The body is no gzip, or a damaged one: {error}.") from None
    if len(tar) > _MOST_TAR_BYTES:
        raise _too_large()
    if not inflater.eof:
        raise MalformedArchive("The gzip ends in the middle.")
    if inflater.unused_data.strip(b"\0"):
        raise MalformedArchive("There is something behind the end of the gzip.")
    return tar


@dataclass(slots=True)
class _Taken:
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    byte_count: int = 0

    def add(self, path: str, content: bytes) -> None:
        while path.startswith("./"):
            path = path[2:]
        if path.rpartition("/")[2].startswith(_APPLE_DOUBLE):
            return
        fault = _find_fault(path)
        if fault:
            self.refuse(path, fault)
        elif path in self.files:
            self.refuse(path, "The path stands twice.")
        else:
            self.files[path] = content
        self.byte_count += len(content)
        if self.byte_count > MOST_BYTES or len(self.files) > MOST_FILES:
            raise _too_large()

    def refuse(self, path: str, message: str) -> None:
        shown = path[:_LONGEST_PATH_BYTES].encode(errors="backslashreplace").decode()
        self.problems.append(Problem("", message, file=shown))

    def files_or_refusal(self) -> dict[str, bytes]:
        seen: set[str] = set()
        for path in self.files:
            folder = path.rpartition("/")[0]
            while folder and folder not in seen:
                seen.add(folder)
                if folder in self.files:
                    self.refuse(path, f"{folder} is a file, and cannot be a folder too.")
                folder = folder.rpartition("/")[0]
        if self.problems:
            count = len(self.problems)
            raise MalformedArchive(
                f"A deployment cannot hold {count} of the entries.", problems=self.problems
            )
        return self.files


def _find_fault(path: str) -> str | None:
    if not path:
        return "The path is empty."
    if path.startswith("/"):
        return "The path is absolute."
    if "\\" in path or _CONTROL.search(path):
        return "The path has a backslash or a control character in it."
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "The path has half a surrogate pair in it."
    parts = path.split("/")
    if ".." in parts:
        return "The path leads out of its folder."
    if "" in parts or "." in parts:
        return "The path has an empty part, or one that is a dot."
    if len(encoded) > _LONGEST_PATH_BYTES or any(len(p.encode()) > _LONGEST_NAME_BYTES for p in parts):
        return f"The path is longer than {_LONGEST_PATH_BYTES} bytes, or a part than {_LONGEST_NAME_BYTES}."
    return None


def _too_large() -> TooLarge:
    return TooLarge(
        f"A deployment has at most {MOST_BYTES // 1024 // 1024} MiB, packed and unpacked, in {MOST_FILES} files."
    )
