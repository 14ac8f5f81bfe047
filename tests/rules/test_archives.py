"""Deployments as archives and as parts of forms."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MalformedArchive, TooLarge
from app.rules.archives import MOST_BYTES, MOST_FILES, read_archive, read_parts

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
FILES = {"aetherflow.yaml": b"version: v2\n", "app.py": b"", "lib/deep/er.py": b"x = 1\n" * 300}

names = st.text(alphabet="ab.é-_", min_size=1, max_size=120).filter(lambda n: n.strip(".") and n[:2] != "._")
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


def member(name: str, *, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def tar(*entries: tuple[tarfile.TarInfo, bytes], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        for info, content in entries:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def pack(files: dict[str, bytes], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    return gzip.compress(tar(*((member(n), c) for n, c in files.items()), tar_format=tar_format))


def refusals(read: Callable[[], object]) -> dict[str | None, str]:
    """What is said about each file."""
    with pytest.raises(MalformedArchive) as caught:
        read()
    return {problem.file: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("tar_format", FORMATS)
def test_files_come_out_as_they_went_in(tar_format: int) -> None:
    assert read_archive(pack(FILES, tar_format)) == FILES


@given(st.dictionaries(paths, st.binary(max_size=2000), max_size=5), st.sampled_from(FORMATS[1:]))
def test_any_plain_files_come_out_as_they_went_in(files: dict[str, bytes], tar_format: int) -> None:
    if any(other.startswith(f"{path}/") for path in files for other in files):
        assert refusals(lambda: read_archive(pack(files, tar_format)))
    else:
        assert read_archive(pack(files, tar_format)) == files


def test_long_paths_are_read_in_every_format() -> None:
    long = "/".join(["folder" * 8] * 3) + "/name.py"
    for tar_format in FORMATS:
        assert read_archive(pack({long: b"1"}, tar_format)) == {long: b"1"}


def test_a_leading_dot_is_dropped_and_a_single_top_folder_is_not() -> None:
    assert read_archive(pack({"./a.py": b"", "././b.py": b""})) == {"a.py": b"", "b.py": b""}
    assert read_archive(pack({"top/a.py": b""})) == {"top/a.py": b""}


def test_folders_and_the_attributes_of_macos_are_left_out() -> None:
    packed = gzip.compress(
        tar(
            (member("./", kind=tarfile.DIRTYPE), b""),
            (member("lib", kind=tarfile.DIRTYPE), b""),
            (member("lib/a.py"), b"1"),
            (member("._lib"), b"attributes"),
            (member("lib/._a.py"), b"attributes"),
        )
    )
    assert read_archive(packed) == {"lib/a.py": b"1"}


def test_what_an_extended_header_says_of_all_files_is_passed_over() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", pax_headers={"comment": "of a commit"}) as archive:
        archive.addfile(member("a.py"), io.BytesIO())
    assert read_archive(gzip.compress(buffer.getvalue())) == {"a.py": b""}


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.GNUTYPE_SPARSE,
    ],
)
def test_what_is_no_plain_file_is_refused(kind: bytes) -> None:
    packed = gzip.compress(tar((member("a.py", kind=kind, target="/etc/passwd"), b"")))
    assert list(refusals(lambda: read_archive(packed))) == ["a.py"]


def test_an_unknown_kind_is_refused() -> None:
    packed = gzip.compress(tar((member("volume", kind=b"V"), b"")))
    assert refusals(lambda: read_archive(packed)) == {
        "volume": "A deployment holds plain files and no entry of an unknown kind."
    }


def test_a_sparse_file_is_refused_however_it_is_written() -> None:
    info = member("a.bin")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": str(10**12)}
    packed = gzip.compress(tar((info, b"0\n")))
    assert refusals(lambda: read_archive(packed)) == {
        "a.bin": "A deployment holds plain files and no sparse file."
    }


BAD_PATHS = [
    "",
    "/etc/passwd",
    "//a",
    "..",
    "../a.py",
    "a/../b.py",
    "a/..",
    "./../a.py",
    "a//b.py",
    "a/./b.py",
    "a\\b.py",
    "..\\a.py",
    "a\0b.py",
    "a\nb.py",
    "a\x7f.py",
    ".",
    "x" * 256,
    "/".join(["x" * 200] * 6),
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    assert len(refusals(lambda: read_parts([(path, b"")]))) == 1


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.py", "a/../b.py", "a//b.py", "a\\b.py", "a\nb.py"])
def test_a_path_that_could_lead_elsewhere_is_refused_in_an_archive_too(path: str) -> None:
    assert list(refusals(lambda: read_archive(pack({path: b""})))) == [path]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    parts = [("a.py", b""), ("/b.py", b""), ("a.py", b""), ("c\\d", b""), ("./a.py", b"")]
    with pytest.raises(MalformedArchive) as caught:
        read_parts(parts)
    assert [problem.file for problem in caught.value.problems] == ["/b.py", "a.py", "c\\d", "a.py"]


def test_a_file_cannot_be_a_folder_too() -> None:
    assert refusals(lambda: read_parts([("a/b/c.py", b""), ("a", b"")])) == {
        "a/b/c.py": "a is a file, and cannot be a folder too."
    }


def test_a_path_that_is_no_utf_8_is_refused() -> None:
    entry = member("a\udcff.py")
    packed = gzip.compress(tar((entry, b""), tar_format=tarfile.GNU_FORMAT))
    assert refusals(lambda: read_archive(packed)) == {"a\\xff.py": "The path is not UTF-8."}
    assert list(refusals(lambda: read_parts([("a\udcff.py", b"")]))) == ["a\\udcff.py"]


def test_more_bytes_than_allowed_are_too_large_packed_and_unpacked() -> None:
    half = b"\0" * (MOST_BYTES // 2)
    assert len(read_archive(pack({"a": half, "b": half}))) == 2
    with pytest.raises(TooLarge):
        read_archive(pack({"a": half, "b": half, "c": b"1"}))
    with pytest.raises(TooLarge):
        read_archive(b"\x1f\x8b" + b"\0" * MOST_BYTES)
    with pytest.raises(TooLarge):
        read_parts([("a", half), ("b", half), ("c", b"1")])


def test_more_files_than_allowed_are_too_large() -> None:
    allowed = {f"{number}.py": b"" for number in range(MOST_FILES)}
    assert len(read_archive(pack(allowed))) == MOST_FILES
    with pytest.raises(TooLarge):
        read_archive(pack(allowed | {"one-more.py": b""}))
    with pytest.raises(TooLarge):
        read_parts((*allowed.items(), ("one-more.py", b"")))


def test_a_bomb_is_given_up_on_before_it_is_unpacked() -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    # Some 200 KB, which would become 200 MB.
    packed = deflater.compress(b"\0" * 1_000_000) + b"".join(
        deflater.compress(bytes(10_000_000)) for _ in range(20)
    )
    with pytest.raises(TooLarge):
        read_archive(packed)


def test_parts_are_not_read_on_when_they_are_too_large() -> None:
    def endless() -> object:
        number = 0
        while True:
            number += 1
            yield f"{number}.bin", b"\0" * 1_000_000

    with pytest.raises(TooLarge):
        read_parts(endless())


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"", "middle"),
        (b"PK\x03\x04", "no gzip"),
        (b"not an archive", "no gzip"),
        (zlib.compress(b"a"), "no gzip"),
        (gzip.compress(b""), "mark of the end"),
        (gzip.compress(b"not an archive" * 100), "no tar"),
        (gzip.compress(b"\0" * 100), "mark of the end"),
        (pack(FILES)[:-1], "middle"),
        (pack(FILES)[:100], "middle"),
        (pack(FILES) + b"more", "behind the end of the gzip"),
        (pack(FILES) + pack(FILES), "behind the end of the gzip"),
        (gzip.compress(tar((member("a"), b"1")) + b"more"), "behind the end of the tar"),
        (gzip.compress(tar((member("a"), b"1" * 600))[:1100]), "middle of a file"),
        (gzip.compress(tar((member("a"), b"1"))[:1024]), "mark of the end"),
        (gzip.compress(tar((member("a"), b"1"))[:700]), "mark of the end"),
        (gzip.compress(tar((member("a"), b"1"))[:300]), "middle of a header"),
    ],
)
def test_what_is_no_whole_archive_is_refused(packed: bytes, message: str) -> None:
    with pytest.raises(MalformedArchive, match=message):
        read_archive(packed)


def test_a_damaged_header_is_refused_and_not_taken_for_the_end() -> None:
    whole = bytearray(tar((member("a.py"), b"1"), (member("b.py"), b"2")))
    whole[1024] ^= 0xFF
    with pytest.raises(MalformedArchive, match="damaged"):
        read_archive(gzip.compress(bytes(whole)))


@pytest.mark.parametrize(
    "record",
    [
        b"5 a=1",
        b"99 path=a\n",
        b"0 path=a\n",
        b"10 path=abc\n",
        b"path=a\n",
        b"11 size=-1\n",
        b"12 size=1e9\n",
    ],
)
def test_a_damaged_extended_header_is_refused(record: bytes) -> None:
    packed = gzip.compress(
        tar(
            (member("x", kind=tarfile.XHDTYPE), record),
            (member("a.py"), b""),
            tar_format=tarfile.USTAR_FORMAT,
        )
    )
    with pytest.raises(MalformedArchive, match="damaged"):
        read_archive(packed)


def test_a_size_beyond_the_archive_is_refused() -> None:
    header = bytearray(member("a").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\x80" + b"\xff" * 11
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(MalformedArchive, match="middle of a file"):
        read_archive(gzip.compress(bytes(header) + b"\0" * 1024))


def check(packed: bytes) -> None:
    try:
        files = read_archive(packed)
    except (MalformedArchive, TooLarge):
        return
    assert all(path and not path.startswith(("/", "../")) for path in files)


@given(st.binary(max_size=2000))
def test_any_bytes_are_files_or_refused(content: bytes) -> None:
    check(content)
    check(gzip.compress(content))


WHOLE = tar((member("a" * 150 + ".py"), b"x" * 700), (member("b.py"), b""), tar_format=tarfile.PAX_FORMAT)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6), st.booleans())
def test_a_damaged_archive_gives_files_or_is_refused(damage: list[tuple[int, int]], mended: bool) -> None:
    content = bytearray(WHOLE)
    for position, value in damage:
        content[position] = value
    if mended:
        for start in range(0, len(content), 512):
            if any(content[start : start + 512]):
                content[start + 148 : start + 156] = b" " * 8
                content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])
    check(gzip.compress(bytes(content)))


@given(st.lists(st.tuples(st.text(max_size=30) | st.characters(categories=["Cs"]), st.binary(max_size=10))))
def test_any_parts_are_files_or_refused(parts: list[tuple[str, bytes]]) -> None:
    try:
        files = read_parts(parts)
    except MalformedArchive as error:
        problems = error.problems
    else:
        assert all(path and not path.startswith(("/", "../")) for path in files)
        return
    # An answer can hold them.
    assert orjson.dumps([problem.file for problem in problems])
