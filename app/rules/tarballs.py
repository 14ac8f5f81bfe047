"""Tar archives, read strictly.

The standard library's reader takes a header that it does not understand for the end, and would so deploy a
part of what was packed; it also builds what sparse files only claim to hold. Here everything is either
understood or refused. The formats are ustar and pax (POSIX.1-2017, utility `pax`, "EXTENDED DESCRIPTION")
and GNU's long names, which is what programs write today.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.errors import MalformedArchive

Kind = Literal["file", "folder", "link", "device", "sparse file", "entry of an unknown kind"]

_BLOCK_BYTES = 512
_KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",  # a contiguous one, which no system knows any more
    b"1": "link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"5": "folder",
    b"6": "device",  # a named pipe
    b"S": "sparse file",
}
# Whatever size they claim.
_WITHOUT_CONTENT = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_EXTENDED, _EXTENDED_FOR_ALL, _LONG_NAME, _LONG_LINK = b"x", b"g", b"L", b"K"
_OCTAL = re.compile(rb" *([0-7]{1,12})[ \0]*")
_RECORD = re.compile(rb"([1-9][0-9]{0,8}) ([^=\n]+)=")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in an archive."""

    name: bytes
    kind: Kind
    content: bytes


@dataclass(slots=True)
class _Extension:
    """What headers of their own say about the next entry."""

    name: bytes | None = None
    size: int | None = None
    is_sparse: bool = False


def read_entries(tar: bytes) -> Iterator[Entry]:
    """Yield what an archive holds, in its order.

    Raises:
        MalformedArchive: where it stops being a tar archive, and when it ends in the middle.
    """
    extension = _Extension()
    offset = 0
    while any(header := tar[offset : offset + _BLOCK_BYTES]):
        _check(header)
        kind = header[156:157]
        is_about_another = kind in (_EXTENDED, _EXTENDED_FOR_ALL, _LONG_NAME, _LONG_LINK)
        size = 0 if kind in _WITHOUT_CONTENT else _read_number(header[124:136])
        if extension.size is not None and not is_about_another:
            size = extension.size
        begin = offset + _BLOCK_BYTES
        content = tar[begin : begin + size]
        if len(content) < size:
            raise MalformedArchive("The tar archive ends in the middle of a file.")
        offset = begin + -(-size // _BLOCK_BYTES) * _BLOCK_BYTES
        if is_about_another:
            _extend(extension, kind, content)
            continue
        yield _make_entry(header, kind, content, extension)
        extension = _Extension()
    # One block of zeros is enough; most programs write many.
    if len(header) < _BLOCK_BYTES:
        raise MalformedArchive("The tar archive ends without its mark of the end.")
    if tar[offset:].strip(b"\0"):
        raise MalformedArchive("There is something behind the end of the tar archive.")


def _make_entry(header: bytes, kind: bytes, content: bytes, extension: _Extension) -> Entry:
    name = extension.name if extension.name is not None else _read_name(header)
    what = _KINDS.get(kind, "entry of an unknown kind")
    if what == "file" and name.endswith(b"/"):
        what = "folder"  # as tar itself wrote them before there was a kind for it
    return Entry(name, "sparse file" if extension.is_sparse else what, content)


def _check(header: bytes) -> None:
    if len(header) < _BLOCK_BYTES:
        raise MalformedArchive("The tar archive ends in the middle of a header.")
    # The sum is taken as if its own eight bytes were spaces.
    if sum(header[:148]) + 8 * ord(" ") + sum(header[156:]) != _read_number(header[148:156]):
        raise MalformedArchive("What is packed is no tar archive, or a damaged one.")


def _read_number(text: bytes) -> int:
    """Octal digits, or with the first bit set a number of that many bytes, for files beyond 8 GiB."""
    if text[0] == 0x80:
        return int.from_bytes(text[1:])
    match = _OCTAL.fullmatch(text)
    if match:
        return int(match[1], 8)
    if text.strip(b" \0"):
        raise MalformedArchive("What is packed is no tar archive, or a damaged one.")
    return 0


def _read_name(header: bytes) -> bytes:
    name = _until_nul(header[:100])
    # GNU's own format has times where ustar has the first part of long names.
    is_ustar = header[257:263] == b"ustar\0"
    prefix = _until_nul(header[345:500]) if is_ustar else b""
    return prefix + b"/" + name if prefix else name


def _extend(extension: _Extension, kind: bytes, content: bytes) -> None:
    if kind == _LONG_NAME:
        extension.name = _until_nul(content)
    if kind != _EXTENDED:
        return
    for key, value in _read_records(content):
        if key == b"path":
            extension.name = value
        elif key == b"size":
            extension.size = _read_size(value)
        elif key.startswith(b"GNU.sparse."):
            extension.is_sparse = True


def _read_records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(content):
        match = _RECORD.match(content, position)
        end = position + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(content) or content[end - 1 : end] != b"\n":
            raise MalformedArchive("An extended header of the tar archive is damaged.")
        yield match[2], content[match.end() : end - 1]
        position = end


def _read_size(text: bytes) -> int:
    if not re.fullmatch(rb"[0-9]{1,18}", text):
        raise MalformedArchive("An extended header of the tar archive is damaged.")
    return int(text)


def _until_nul(text: bytes) -> bytes:
    return text.partition(b"\0")[0]
