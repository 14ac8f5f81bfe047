"""Folders as the archives that are deployed."""

import io
import tarfile
from pathlib import Path


def pack_folder(folder: Path) -> bytes:
    """Return a folder's files as a tar.gz, without what Python leaves there."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.add(path, str(path.relative_to(folder)))
    return packed.getvalue()
