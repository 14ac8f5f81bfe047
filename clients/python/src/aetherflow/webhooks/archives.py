"""The files of a deployment as one archive, the same bytes for the same files."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz of contents by path, `sub/program.py` for instance.

    Nothing of the machine is in it, neither times nor owners, so that an idempotency key fits when the
    same files are packed again.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size = len(files[path])
            tar.addfile(member, io.BytesIO(files[path]))
    return gzip.compress(archive.getvalue(), mtime=0)
