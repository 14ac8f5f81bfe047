"""What the Python client sends to deploy workflows, and to follow sessions and requests."""

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from aetherflow.webhooks import ApiError, Client, FieldError, InvalidError
from local_api import LocalApi, Reply

from app.rules.archives import read_archive

KEY = "afk_0123456789abcdef0123456789abcdef"


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with LocalApi() as running:
        yield running


@pytest.fixture
def client(api: LocalApi) -> Iterator[Client]:
    with Client(api.url, KEY) as made:
        yield made


# The call, and the method, path and JSON body that it sends.
CALLS: dict[str, tuple[Callable[[Client], object], str, str, object]] = {
    "workflows.create": (lambda c: c.workflows.create("w"), "POST", "/workflows", {"name": "w"}),
    "workflows.create with a description": (
        lambda c: c.workflows.create("w", description="d"),
        "POST",
        "/workflows",
        {"name": "w", "description": "d"},
    ),
    "workflows.get": (lambda c: c.workflows.get("wf_1"), "GET", "/workflows/wf_1", None),
    "workflows.update": (
        lambda c: c.workflows.update("wf_1", description=None),
        "PATCH",
        "/workflows/wf_1",
        {"description": None},
    ),
    "workflows.enable": (
        lambda c: c.workflows.enable("wf_1"),
        "PATCH",
        "/workflows/wf_1",
        {"enabled": True},
    ),
    "workflows.disable": (
        lambda c: c.workflows.disable("wf_1"),
        "PATCH",
        "/workflows/wf_1",
        {"enabled": False},
    ),
    "workflows.delete": (lambda c: c.workflows.delete("wf_1"), "DELETE", "/workflows/wf_1", None),
    "workflows.set_var": (
        lambda c: c.workflows.set_var("wf_1", "TOKEN", "s3cret"),
        "PUT",
        "/workflows/wf_1/vars/TOKEN",
        {"value": "s3cret"},
    ),
    "workflows.delete_var": (
        lambda c: c.workflows.delete_var("wf_1", "TOKEN"),
        "DELETE",
        "/workflows/wf_1/vars/TOKEN",
        None,
    ),
    "workflows.start_session": (
        lambda c: c.workflows.start_session("wf_1"),
        "POST",
        "/workflows/wf_1/sessions",
        {},
    ),
    "workflows.start_session with data": (
        lambda c: c.workflows.start_session("wf_1", call="program.py:main", data={}),
        "POST",
        "/workflows/wf_1/sessions",
        {"call": "program.py:main", "data": {}},
    ),
    "sessions.get": (lambda c: c.sessions.get("ses_1"), "GET", "/sessions/ses_1", None),
    "sessions.stop": (lambda c: c.sessions.stop("ses_1"), "POST", "/sessions/ses_1/stop", {}),
    "sessions.stop by force": (
        lambda c: c.sessions.stop("ses_1", reason="why not", force=True),
        "POST",
        "/sessions/ses_1/stop",
        {"reason": "why not", "force": True},
    ),
    "sessions.rerun": (lambda c: c.sessions.rerun("ses_1"), "POST", "/sessions/ses_1/rerun", None),
    "requests.get": (lambda c: c.requests.get("req_1"), "GET", "/requests/req_1", None),
    "requests.redispatch": (
        lambda c: c.requests.redispatch("req_1"),
        "POST",
        "/requests/req_1/redispatch",
        {},
    ),
    "requests.redispatch to a deployment": (
        lambda c: c.requests.redispatch("req_1", deployment_id="dep_1"),
        "POST",
        "/requests/req_1/redispatch",
        {"deployment_id": "dep_1"},
    ),
}

SINCE = datetime(2026, 1, 1, tzinfo=UTC)

LISTS: dict[str, tuple[Callable[[Client], object], str]] = {
    "workflows.list": (
        lambda c: c.workflows.list(name="w", enabled=False, limit=5),
        "/workflows?name=w&enabled=false&limit=5",
    ),
    "workflows.triggers": (
        lambda c: c.workflows.triggers("wf_1", cursor="c"),
        "/workflows/wf_1/triggers?cursor=c",
    ),
    "workflows.deployments": (lambda c: c.workflows.deployments("wf_1"), "/workflows/wf_1/deployments"),
    "workflows.vars": (lambda c: c.workflows.vars("wf_1"), "/workflows/wf_1/vars"),
    "sessions.list": (
        lambda c: c.sessions.list(
            workflow_id="wf_1", status="failed", trigger="t", request_id="req_1", since=SINCE, until="x"
        ),
        "/sessions?workflow_id=wf_1&status=failed&trigger=t&request_id=req_1"
        "&since=2026-01-01T00%3A00%3A00.000Z&until=x",
    ),
    "sessions.log": (lambda c: c.sessions.log("ses_1", after=7), "/sessions/ses_1/log?after=7"),
    "requests.list": (
        lambda c: c.requests.list(workflow_id="wf_1", trigger="t", matched=False, since=SINCE),
        "/requests?workflow_id=wf_1&trigger=t&matched=false&since=2026-01-01T00%3A00%3A00.000Z",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_method_of_the_inbound_half_is_one_request(api: LocalApi, client: Client, name: str) -> None:
    call, method, path, body = CALLS[name]
    api.otherwise = Reply(body=b"") if method == "DELETE" else Reply(body=b'{"id":"x_1"}')
    assert call(client) == (None if method == "DELETE" else {"id": "x_1"})
    (asked,) = api.asked
    assert (asked.method, asked.target) == (method, f"/api/v1{path}")
    assert (asked.json() if asked.body else None) == body


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_the_inbound_half_passes_its_filters_on(api: LocalApi, client: Client, name: str) -> None:
    call, target = LISTS[name]
    api.reply({"data": [{"id": "x_1"}]})
    page = call(client)
    assert getattr(page, "data", None) == [{"id": "x_1"}]
    assert [(asked.method, asked.target) for asked in api.asked] == [("GET", f"/api/v1{target}")]


def test_what_starts_something_takes_an_idempotency_key(api: LocalApi, client: Client) -> None:
    client.workflows.deploy({}, idempotency_key="k1")
    client.workflows.create("w", idempotency_key="k2")
    client.workflows.start_session("wf_1", idempotency_key="k3")
    client.sessions.rerun("ses_1", idempotency_key="k4")
    client.requests.redispatch("req_1", idempotency_key="k5")
    assert [asked.headers["Idempotency-Key"] for asked in api.asked] == ["k1", "k2", "k3", "k4", "k5"]


def test_files_are_deployed_as_an_archive_that_the_service_reads(api: LocalApi, client: Client) -> None:
    files = {
        "aetherflow.yaml": b"version: v2\n",
        "lib/Grüße.py": b"",
        f"{'deep/' * 40}picture.png": bytes(range(256)) * 100,
    }
    client.workflows.deploy(files)
    client.workflows.deploy(files, dry_run=True)
    real, dry = api.asked
    assert (real.target, dry.target) == (
        "/api/v1/workflows/deploy",
        "/api/v1/workflows/deploy?dry_run=true",
    )
    assert real.headers["Content-Type"] == "application/gzip"
    assert read_archive(real.body) == files


def test_the_same_files_are_the_same_bytes_whatever_their_order(api: LocalApi, client: Client) -> None:
    client.workflows.deploy({"a.py": b"1", "b.py": b"2"})
    client.workflows.deploy({"b.py": b"2", "a.py": b"1"})
    first, second = api.asked
    assert gzip.decompress(first.body) == gzip.decompress(second.body)
    assert first.body == second.body


def test_mistakes_in_a_deployment_say_where_they_are(api: LocalApi, client: Client) -> None:
    mistakes = [
        {
            "path": "/triggers/0",
            "message": "is wrong",
            "code": "invalid",
            "file": "aetherflow.yaml",
            "line": 3,
        },
        {"path": "", "message": "is too", "code": "invalid", "file": "a.py"},
        {"path": "?dry_run", "message": "as well", "code": "invalid", "file": 1, "line": "x"},
    ]
    api.reply({"code": "invalid_manifest", "detail": "Wrong.", "errors": mistakes}, status=422)
    with pytest.raises(InvalidError) as caught:
        client.workflows.deploy({})
    assert caught.value.errors == (
        FieldError("/triggers/0", "is wrong", "invalid", file="aetherflow.yaml", line=3),
        FieldError("", "is too", "invalid", file="a.py"),
        FieldError("?dry_run", "as well", "invalid"),
    )


def test_a_log_that_is_no_list_is_an_api_error(api: LocalApi, client: Client) -> None:
    api.reply({"data": None})
    with pytest.raises(ApiError, match="malformed_answer"):
        client.sessions.log("ses_1")
