"""Bad manifests, archives and forms: refused with all that is wrong, and nothing changes."""

import gzip
import io
import tarfile
from collections.abc import Mapping

import httpx2
import pytest

from tests.api.deployments import (
    CALL,
    FILES,
    GZIP,
    HEAD,
    PROGRAM,
    deploy,
    errors_of,
    manifest_of,
    pack,
    send_form,
    state_of,
)
from tests.api.problems import assert_refused
from tests.api.raw_http import head, send_raw
from tests.services import Service

# For what is refused before the database is asked.
in_one_wiring = pytest.mark.parametrize("service", ["embedded"], indirect=True)

MOST_BYTES = 25 * 1024 * 1024

BAD_MANIFESTS: dict[str, tuple[Mapping[str, str | bytes], str, int | None]] = {
    "an unknown key": (manifest_of("name: x, webhook: {}, colour: red"), "aetherflow.yaml", 5),
    "an alias bomb": (
        {"aetherflow.yaml": "a: &a [x]\n" + "".join(f"b{n}: [*a,*a]\n" for n in range(9))},
        "aetherflow.yaml",
        None,
    ),
    "a duplicate key": ({"aetherflow.yaml": HEAD + "version: v1\n"}, "aetherflow.yaml", 4),
    "no YAML": ({"aetherflow.yaml": "version: [v2\n"}, "aetherflow.yaml", None),
    "no UTF-8": ({"aetherflow.yaml": b"version: \xff\n"}, "aetherflow.yaml", None),
    "a NUL": ({"aetherflow.yaml": b"version: v2\0\n"}, "aetherflow.yaml", None),
    "no version": ({"aetherflow.yaml": "project: {name: x}\n"}, "aetherflow.yaml", None),
    "a version to come": ({"aetherflow.yaml": HEAD.replace("v2", "v9")}, "aetherflow.yaml", 1),
    "a name that cannot be": ({"aetherflow.yaml": HEAD.replace("sample", "1 2")}, "aetherflow.yaml", 3),
    "too deep": ({"aetherflow.yaml": "[" * 5_000}, "aetherflow.yaml", None),
    "too long": ({"aetherflow.yaml": HEAD + "#" * 300_000}, "aetherflow.yaml", None),
    "a missing file": (
        manifest_of("name: x, webhook: {}, call: 'nobody.py:handle'"),
        "aetherflow.yaml",
        5,
    ),
    "a missing function": (
        manifest_of("name: x, webhook: {}, call: 'program.py:nobody'"),
        "aetherflow.yaml",
        5,
    ),
    "a dotted function": (
        manifest_of("name: x, webhook: {}, call: 'program.py:a.b'"),
        "aetherflow.yaml",
        5,
    ),
    "a file outside": (manifest_of("name: x, webhook: {}, call: '../a.py:b'"), "aetherflow.yaml", 5),
    "a syntax error": (
        {**manifest_of(f"name: x, webhook: {{}}, {CALL}"), "lib.py": "x = 1\ndef broken(:\n"},
        "lib.py",
        2,
    ),
    "source with a NUL": ({**manifest_of(), "lib.py": b"x = 1\0"}, "lib.py", None),
    "bad CEL": (
        manifest_of(f"name: x, webhook: {{}}, filter: 'data.body ===', {CALL}"),
        "aetherflow.yaml",
        5,
    ),
    "CEL that is no condition": (
        manifest_of(f"name: x, webhook: {{}}, filter: '1 + 1', {CALL}"),
        "aetherflow.yaml",
        5,
    ),
    "bad cron": (manifest_of(f"name: x, schedule: '61 * * * *', {CALL}"), "aetherflow.yaml", 5),
    "a zone that nobody knows": (
        manifest_of(f"name: x, schedule: '@daily', timezone: Mars/Olympus, {CALL}"),
        "aetherflow.yaml",
        5,
    ),
    "a variable of the service": (
        {"aetherflow.yaml": HEAD + "  vars:\n    - {name: PYTHONPATH, value: x}\n"},
        "aetherflow.yaml",
        5,
    ),
    "a stream that nobody waits for": (
        manifest_of(f"name: x, webhook: {{}}, stream: true, {CALL}"),
        "aetherflow.yaml",
        5,
    ),
    "no manifest": ({"program.py": PROGRAM}, "aetherflow.yaml", None),
    "nothing": ({}, "aetherflow.yaml", None),
}


@in_one_wiring
@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_a_bad_manifest_is_refused_with_file_and_line_and_nothing_changes(
    workspace: httpx2.Client, name: str
) -> None:
    deploy(workspace)
    before = state_of(workspace)
    files, file, line = BAD_MANIFESTS[name]
    errors = errors_of(deploy(workspace, files), 422, "invalid_manifest")
    assert file in {error["file"] for error in errors}
    if line is not None:
        assert line in {error.get("line") for error in errors if error["file"] == file}, errors
    assert state_of(workspace) == before


@in_one_wiring
def test_all_mistakes_are_told_at_once(workspace: httpx2.Client) -> None:
    files = manifest_of(
        "name: a, webhook: {}, colour: red",
        "name: b, webhook: {}, call: 'nobody.py:handle'",
        f"name: c, webhook: {{}}, filter: '((', {CALL}",
        f"name: d, schedule: never, {CALL}",
    )
    errors = errors_of(deploy(workspace, {**files, "lib.py": "def"}), 422, "invalid_manifest")
    assert [(error["file"], error["line"]) for error in errors] == [
        *(("aetherflow.yaml", line) for line in (5, 6, 7, 8)),
        ("lib.py", 1),
    ]


def tar_of(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    """Return a tar.gz with a good manifest and one entry besides."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        manifest = tarfile.TarInfo("aetherflow.yaml")
        manifest.size = len(HEAD)
        archive.addfile(manifest, io.BytesIO(HEAD.encode()))
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        archive.addfile(entry)
    return packed.getvalue()


BAD_ARCHIVES = {
    "a symlink": (tar_of("link", tarfile.SYMTYPE, "/etc/passwd"), "link"),
    "a hard link": (tar_of("link", tarfile.LNKTYPE, "aetherflow.yaml"), "link"),
    "a device": (tar_of("null", tarfile.CHRTYPE), "null"),
    "a pipe": (tar_of("pipe", tarfile.FIFOTYPE), "pipe"),
    "an absolute path": (tar_of("/etc/cron.d/x"), "/etc/cron.d/x"),
    "a path to the parent": (tar_of("../x.py"), "../x.py"),
    "a path to the parent from below": (tar_of("lib/../../x.py"), "lib/../../x.py"),
    "a backslash": (tar_of("..\\x.py"), "..\\x.py"),
    "a file twice": (tar_of("aetherflow.yaml"), "aetherflow.yaml"),
    "no gzip": (b"PK\x03\x04", None),
    "half a gzip": (pack(FILES)[:-20], None),
    "a gzip of something else": (gzip.compress(b"hello" * 500), None),
    "no bytes": (b"", None),
}


@in_one_wiring
@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_a_bad_archive_is_refused_and_nothing_changes(workspace: httpx2.Client, name: str) -> None:
    packed, file = BAD_ARCHIVES[name]
    answer = workspace.post("/workflows/deploy", content=packed, headers=GZIP)
    errors = errors_of(answer, 400, "malformed_archive")
    assert [error.get("file") for error in errors] == ([] if file is None else [file])
    assert workspace.get("/workflows").json()["data"] == []


@in_one_wiring
def test_all_bad_entries_of_an_archive_are_told_at_once(workspace: httpx2.Client) -> None:
    errors = errors_of(
        deploy(workspace, {"/a": "", "../b": "", "c//d": "", "aetherflow.yaml": HEAD}),
        400,
        "malformed_archive",
    )
    assert [error["file"] for error in errors] == ["/a", "../b", "c//d"]


@in_one_wiring
def test_an_archive_that_becomes_too_large_is_refused_before_it_is_unpacked(workspace: httpx2.Client) -> None:
    assert_refused(deploy(workspace, {"zeros": bytes(MOST_BYTES + 1)}), 413, "too_large")
    many = {f"f{number}": "" for number in range(2_001)}
    assert_refused(deploy(workspace, many), 413, "too_large")


@in_one_wiring
@pytest.mark.parametrize("media_type", ["application/gzip", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_that_is_too_large_is_not_read_to_its_end(
    service: Service, media_type: str, is_declared: bool
) -> None:
    pieces = []
    if is_declared:
        fields = [("Content-Type", media_type), ("Content-Length", str(30 * 1024 * 1024))]
    else:
        fields = [("Content-Type", media_type), ("Transfer-Encoding", "chunked")]
        pieces = [b"100000\r\n" + bytes(0x100000) + b"\r\n"] * 30
    answer = send_raw(service, head(service, "/workflows/deploy", fields), *pieces)
    assert_refused(answer, 413, "too_large")


@in_one_wiring
@pytest.mark.parametrize("media_type", ["application/json", "application/x-tar", "text/plain", ""])
def test_a_body_of_another_type_is_refused(workspace: httpx2.Client, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    answer = workspace.post("/workflows/deploy", content=pack(FILES), headers=headers)
    assert_refused(answer, 415, "unsupported_media_type")


@in_one_wiring
@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"no part at all"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--\r\n",
        ),
        ("multipart/form-data; boundary=x", b"--x\r\nBroken header\r\n\r\n\r\n--x--\r\n"),
    ],
)
def test_a_broken_form_is_refused(workspace: httpx2.Client, media_type: str, content: bytes) -> None:
    answer = workspace.post("/workflows/deploy", content=content, headers={"Content-Type": media_type})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] in ("malformed_archive", "invalid_manifest")


@in_one_wiring
@pytest.mark.parametrize("query", ["dry_run=maybe", "dry_run=true&dry_run=true", "force=true"])
def test_parameters_are_strict(workspace: httpx2.Client, query: str) -> None:
    answer = workspace.post(f"/workflows/deploy?{query}", content=pack(FILES), headers=GZIP)
    assert answer.status_code == 422
    assert workspace.get("/workflows").json()["data"] == []


@in_one_wiring
def test_a_form_s_paths_are_those_of_an_archive(workspace: httpx2.Client) -> None:
    parts = [("x", ("../up.py", "")), ("y", ("/etc/passwd", "")), ("a//b.py", (None, "")), ("z", ("", b""))]
    errors = errors_of(send_form(workspace, parts), 400, "malformed_archive")
    assert {error["file"] for error in errors} >= {"../up.py", "/etc/passwd", "a//b.py"}
