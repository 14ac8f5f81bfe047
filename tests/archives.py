"""Folders as the archives that are deployed."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

NOTHING: Mapping[str, bytes] = {}


def pack_folder(folder: Path, *, more: Mapping[str, bytes] = NOTHING) -> bytes:
    """Return a folder's files, and some more, as a tar.gz, without what Python leaves there."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.add(path, str(path.relative_to(folder)))
        for name, content in more.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
