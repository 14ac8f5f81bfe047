"""Deploying: archives and forms, again and for trial, bad ones, and what becomes of secrets."""

import asyncio
import gzip
import io
import json
import secrets
import tarfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from app.store.models import Row
from tests.api.deployments import FILES, MANIFEST, PROGRAM, Sample, deploy, pack
from tests.api.problems import assert_refused
from tests.api.raw_http import head, send_raw
from tests.opened import opened
from tests.services import Service

# For what is refused before the database is asked.
in_one_wiring = pytest.mark.parametrize("service", ["embedded"], indirect=True)

GZIP = {"Content-Type": "application/gzip"}
HEAD = "version: v2\nproject:\n  name: sample\n"
DRY = ({"dry_run": "true"}, {})
CALL = 'call: "program.py:handle"'

MOST_BYTES = 25 * 1024 * 1024


def send_form(workspace: httpx2.Client, parts: list[tuple[str, Any]], **options: Any) -> httpx2.Response:
    return workspace.post("/workflows/deploy", files=parts, **options)


def manifest_of(*triggers: str, head: str = HEAD) -> dict[str, str]:
    lines = "".join(f"  - {{{trigger}}}\n" for trigger in triggers)
    return {"aetherflow.yaml": f"{head}triggers:\n{lines}", "program.py": PROGRAM}


def state_of(workspace: httpx2.Client) -> list[Any]:
    """Return everything that deploying can change."""
    workflows = workspace.get("/workflows").json()["data"]
    paths = [
        f"/workflows/{one['id']}{more}"
        for one in workflows
        for more in ("", "/deployments", "/triggers", "/vars")
    ]
    return [workflows, *(workspace.get(path).json() for path in paths)]


def errors_of(answer: httpx2.Response, status: int, code: str) -> list[dict[str, Any]]:
    """Return what is wrong by a problem document of this kind."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["code"] == code, problem
    errors: list[dict[str, Any]] = problem["errors"]
    assert all(
        {"path", "message", "code"} <= error.keys() <= {"path", "message", "code", "file", "line"}
        for error in errors
    )
    return errors


def test_the_first_deploy_makes_the_workflow(workspace: httpx2.Client) -> None:
    answer = deploy(workspace)
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == {"workflow", "deployment", "triggers", "plan", "changed", "warnings"}
    assert answer.headers["location"] == f"/api/v1/workflows/{told['workflow']['id']}"
    assert (told["workflow"]["name"], told["changed"], told["warnings"]) == ("sample", True, [])
    assert (told["deployment"]["version"], told["deployment"]["status"]) == (1, "active")
    assert told["workflow"]["active_deployment_id"] == told["deployment"]["id"]
    assert {change["action"] for change in told["plan"]} == {"create"}
    assert {(change["kind"], change["name"]) for change in told["plan"]} >= {
        ("workflow", "sample"),
        ("trigger", "background"),
        ("var", "TOKEN"),
    }


def test_a_url_is_long_enough_that_nobody_guesses_it(workspace: httpx2.Client) -> None:
    slugs = [trigger["slug"] for trigger in deploy(workspace).json()["triggers"]]
    # Of an alphabet of 32, so 5 bits each.
    assert all(len(slug) * 5 >= 128 for slug in slugs)
    assert len(set(slugs)) == len(slugs)


def test_the_same_files_again_change_nothing(workspace: httpx2.Client) -> None:
    first = deploy(workspace).json()
    before = state_of(workspace)
    again = deploy(workspace)
    assert again.status_code == 200
    told = again.json()
    assert told["changed"] is False
    assert {change["action"] for change in told["plan"]} == {"keep"}
    assert (told["workflow"], told["deployment"], told["triggers"]) == (
        first["workflow"],
        first["deployment"],
        first["triggers"],
    )
    assert state_of(workspace) == before


def test_other_files_make_another_deployment_and_keep_the_urls_of_triggers(workspace: httpx2.Client) -> None:
    first = deploy(workspace).json()
    changed = MANIFEST.replace("{name: busy,", "{name: busier,").replace("size > 3", "size > 4")
    answer = deploy(workspace, {**FILES, "aetherflow.yaml": changed})
    assert answer.status_code == 200
    told = answer.json()
    assert told["workflow"]["id"] == first["workflow"]["id"]
    assert (told["deployment"]["version"], told["changed"]) == (2, True)
    actions = {(one["kind"], one["name"]): one["action"] for one in told["plan"] if one["kind"] == "trigger"}
    assert actions["trigger", "busy"] == "delete"
    assert actions["trigger", "busier"] == "create"
    assert actions["trigger", "picky"] == "update"
    assert actions["trigger", "background"] == "keep"
    before = {one["name"]: one["url"] for one in first["triggers"]}
    after = {one["name"]: one["url"] for one in told["triggers"]}
    assert before.keys() - after.keys() == {"busy"}
    assert {name: url for name, url in after.items() if name != "busier"}.items() <= before.items()


def test_a_trigger_that_was_dropped_comes_back_with_another_url(
    service: Service, workspace: httpx2.Client
) -> None:
    first = Sample(service, workspace)
    deploy(workspace, manifest_of())
    assert first.call("background").status_code == 404
    again = Sample(service, workspace)
    assert again.slugs["background"] != first.slugs["background"]
    assert first.call("background").status_code == 404
    assert again.call("background").status_code == 202


def test_a_trigger_cannot_become_one_of_another_type(workspace: httpx2.Client) -> None:
    deploy(workspace, manifest_of(f"name: x, webhook: {{}}, {CALL}"))
    before = state_of(workspace)
    answer = deploy(workspace, manifest_of(f"name: x, schedule: '@daily', {CALL}"))
    (error,) = errors_of(answer, 422, "invalid_manifest")
    assert (error["file"], error["line"]) == ("aetherflow.yaml", 5)
    assert state_of(workspace) == before


def test_a_dry_run_says_what_would_happen_and_changes_nothing(workspace: httpx2.Client) -> None:
    trial = deploy(workspace, params={"dry_run": "true"})
    assert trial.status_code == 200
    assert "location" not in trial.headers
    told = trial.json()
    assert (told["workflow"], told["deployment"], told["triggers"]) == (None, None, [])
    assert (told["changed"], {change["action"] for change in told["plan"]}) == (True, {"create"})
    assert workspace.get("/workflows").json()["data"] == []
    assert deploy(workspace).json()["plan"] == told["plan"]
    before = state_of(workspace)
    secret = MANIFEST.replace("secret: true", "secret: true\n      value: another")
    trial = deploy(
        workspace, {**FILES, "aetherflow.yaml": secret, "x": "y"}, params={"dry_run": "true"}
    ).json()
    assert (trial["changed"], trial["deployment"]) == (True, None)
    assert trial["workflow"]["active_deployment_id"] == before[0][0]["active_deployment_id"]
    assert state_of(workspace) == before


def test_a_dry_run_finds_the_same_mistakes(workspace: httpx2.Client) -> None:
    files = manifest_of("name: x, webhook: {}, call: 'program.py:nobody'")
    found = [errors_of(deploy(workspace, files, params=query), 422, "invalid_manifest") for query in DRY]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "parts",
    [
        [(path, ("whatever.txt", text)) for path, text in FILES.items()],
        [("file", (f"./{path}" if "/" not in path else path, text)) for path, text in FILES.items()],
        [("files[]", (f"./{path}", text, "text/x-python")) for path, text in FILES.items()],
        [(f"./{path}", (None, text)) for path, text in FILES.items()],
    ],
    ids=["field names", "file names with a slash", "with a type", "plain fields"],
)
def test_a_form_has_a_part_for_each_file(workspace: httpx2.Client, parts: list[tuple[str, Any]]) -> None:
    answer = send_form(workspace, parts)
    assert answer.status_code == 201, answer.text
    again = deploy(workspace)
    assert (again.status_code, again.json()["changed"]) == (200, False), "an archive of the same files"


@in_one_wiring
def test_a_form_s_paths_are_those_of_an_archive(workspace: httpx2.Client) -> None:
    parts = [("x", ("../up.py", "")), ("y", ("/etc/passwd", "")), ("a//b.py", (None, "")), ("z", ("", b""))]
    errors = errors_of(send_form(workspace, parts), 400, "malformed_archive")
    assert {error["file"] for error in errors} >= {"../up.py", "/etc/passwd", "a//b.py"}


def test_an_idempotency_key_deploys_once(workspace: httpx2.Client) -> None:
    packed = pack(FILES)
    headers = {**GZIP, "Idempotency-Key": "once"}
    first, second = (workspace.post("/workflows/deploy", content=packed, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["idempotent-replayed"] == "true"
    other = workspace.post("/workflows/deploy", content=pack({**FILES, "x": "y"}), headers=headers)
    assert_refused(other, 422, "idempotency_mismatch")


def test_deploys_at_the_same_time_come_one_after_the_other(workspace: httpx2.Client) -> None:
    versions = [{**FILES, "more.txt": str(number % 3)} for number in range(9)]
    with ThreadPoolExecutor(len(versions)) as pool:
        answers = list(pool.map(lambda files: deploy(workspace, files), versions))
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    (workflow,) = workspace.get("/workflows").json()["data"]
    shown = workspace.get(f"/workflows/{workflow['id']}/deployments").json()["data"]
    assert [one["version"] for one in shown] == list(range(len(shown), 0, -1))
    assert shown[0]["id"] == workflow["active_deployment_id"]
    slugs = {trigger["slug"] for answer in answers for trigger in answer.json()["triggers"]}
    assert len(slugs) == len(answers[0].json()["triggers"])


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


def test_workspaces_deploy_under_the_same_name_beside_each_other(
    service: Service, workspace: httpx2.Client, stranger: httpx2.Client
) -> None:
    mine, theirs = Sample(service, workspace), Sample(service, stranger)
    assert mine.id != theirs.id
    assert not set(mine.slugs.values()) & set(theirs.slugs.values())
    stranger.put(f"{theirs.path}/vars/TOKEN", json={"value": "theirs"})
    assert workspace.get(f"{mine.path}/vars").json()["data"][1]["value"] is None
    stranger.delete(theirs.path)
    assert mine.call("background").status_code == 202
    assert theirs.call("background").status_code == 404


@pytest.mark.parametrize(
    "attack",
    ["' OR 1=1 --", "%00", "..%2f..%2fworkflows", "wf_%", "*", "%F0%9F%A6%89", "a" * 3_000, "%ff"],
)
def test_ids_that_are_no_ids_lead_nowhere(service: Service, workspace: httpx2.Client, attack: str) -> None:
    Sample(service, workspace)
    for path in (
        f"/workflows/{attack}",
        f"/workflows/{attack}/triggers",
        f"/workflows/{attack}/sessions",
        f"/sessions/{attack}",
        f"/sessions/{attack}/log",
        f"/requests/{attack}",
    ):
        assert_refused(workspace.get(path), 404, "not_found")
    for parameter in ("workflow_id", "trigger", "request_id"):
        answer = workspace.get(f"/sessions?{parameter}={attack}")
        assert answer.status_code == 422 or answer.json()["data"] == []


def test_names_may_be_as_long_as_they_can_be(workspace: httpx2.Client) -> None:
    longest = "x" * 64
    manifest = f"""
version: v2
project:
  name: {longest}
  vars: [{{name: {longest}, secret: true, value: a}}]
  connections:
    - {{name: {longest}, integration: http, vars: [{{name: {longest}, secret: true, value: a}}]}}
triggers: [{{name: {longest}, webhook: {{}}}}]
"""
    answer = deploy(workspace, {"aetherflow.yaml": manifest})
    assert answer.status_code == 201, answer.text
    shown = workspace.get(f"/workflows/{answer.json()['workflow']['id']}/vars").json()["data"]
    assert [len(one["name"]) for one in shown] == [64, 130]


def test_the_value_of_a_secret_is_nowhere_in_clear(
    service: Service, workspace: httpx2.Client, stranger: httpx2.Client
) -> None:
    canaries = [f"canary{secrets.token_hex(16)}" for _ in range(4)]
    manifest = f"""
version: v2
project:
  name: sample
  vars:
    - {{name: TOKEN, secret: true, value: {canaries[0]}}}
    - {{name: LATER, secret: true}}
  connections:
    - {{name: shop, integration: http, vars: [{{name: KEY, secret: true, value: {canaries[1]}}}]}}
triggers:
  - {{name: api, webhook: {{}}, is_sync: true, call: "program.py:handle"}}
"""
    program = """
import hashlib, os

def handle(event):
    found = [os.environ[name] for name in ("TOKEN", "shop__KEY", "LATER", "MORE") if name in os.environ]
    return [hashlib.sha256(value.encode()).hexdigest() for value in found]
"""
    files = {"aetherflow.yaml": manifest, "program.py": program}
    answers = [deploy(workspace, files), deploy(workspace, files, headers={"Idempotency-Key": "k"})]
    sample = Sample(service, workspace, files)
    answers.append(workspace.put(f"{sample.path}/vars/LATER", json={"value": canaries[2]}))
    answers.append(workspace.put(f"{sample.path}/vars/UNUSED", json={"value": canaries[3]}))
    assert len(sample.call("api").json()) == 3, "handlers have them"
    workspace.post(f"{sample.path}/sessions", json={"trigger": "api"})
    broken = manifest.replace("secret: true}", "secret: true, colour: red}")
    answers.append(deploy(workspace, {**files, "aetherflow.yaml": broken}))
    for path in (sample.path, *(f"{sample.path}/{more}" for more in ("vars", "deployments", "triggers"))):
        answers += [workspace.get(path), stranger.get(path)]
    answers += [workspace.get("/workflows"), workspace.get("/sessions"), workspace.get("/requests")]
    told = json.dumps([[answer.text, dict(answer.headers)] for answer in answers])
    logs = "".join(service.logs().values())
    rows = read_database(service.environment["AETHERFLOW_DATABASE_URL"])
    assert sample.id in rows
    for canary in canaries:
        assert canary not in told
        assert canary not in logs
        assert canary not in rows


def read_database(url: str) -> str:
    """Return every row of every table of a database as Python writes it, bytes included."""

    async def read() -> str:
        async with opened(url) as database, database.read() as tx:
            tables = Row.metadata.sorted_tables
            return repr([(await tx.execute(table.select())).all() for table in tables])

    return asyncio.run(read())
