"""What the Python client sends, and what it makes of the answers of a real server."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from aetherflow.webhooks import ApiError, Client
from local_api import LocalApi, Reply

KEY = "afk_0123456789abcdef0123456789abcdef"


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with LocalApi() as running:
        yield running


@pytest.fixture
def client(api: LocalApi) -> Iterator[Client]:
    with Client(api.url, KEY) as made:
        yield made


def test_publishing_sends_one_compact_json_document_with_the_key(api: LocalApi, client: Client) -> None:
    answer = {
        "id": "evt_1",
        "event": "invoice.paid",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "deliveries": 2,
    }
    api.reply(answer, status=202)
    assert client.publish("invoice.paid", {"name": "Zoë", "n": 2**53 + 1}) == answer
    (asked,) = api.asked
    assert (asked.method, asked.target) == ("POST", "/api/v1/events")
    assert asked.body == '{"event":"invoice.paid","data":{"name":"Zoë","n":9007199254740993}}'.encode()
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["User-Agent"].startswith("aetherflow-python/")
    assert "Idempotency-Key" not in asked.headers


def test_publishing_passes_on_id_time_and_idempotency_key(api: LocalApi, client: Client) -> None:
    east = timezone(timedelta(hours=2))
    happened_at = datetime(2026, 1, 1, 2, 0, 0, 123456, tzinfo=east)
    client.publish("a.b", {}, id="inv-1", timestamp=happened_at, idempotency_key="key-1")
    client.publish("a.b", {}, timestamp="2026-01-01T00:00:00Z")
    first, second = api.asked
    assert first.json() == {
        "event": "a.b",
        "data": {},
        "id": "inv-1",
        "timestamp": "2026-01-01T00:00:00.123Z",
    }
    assert first.headers["Idempotency-Key"] == "key-1"
    assert second.json() == {"event": "a.b", "data": {}, "timestamp": "2026-01-01T00:00:00Z"}


def test_a_batch_is_one_request(api: LocalApi, client: Client) -> None:
    api.reply({"accepted": 2, "ids": ["evt_1", "evt_2"]}, status=202)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {"event": "a.b", "data": {"n": 1}},
        {"event": "a.c", "data": {}, "id": "x", "timestamp": moment},
    ]
    assert client.publish_batch(rows, idempotency_key="key-1")["ids"] == ["evt_1", "evt_2"]
    (asked,) = api.asked
    assert (asked.method, asked.target) == ("POST", "/api/v1/events/batch")
    assert asked.headers["Idempotency-Key"] == "key-1"
    assert asked.json() == {
        "events": [
            {"event": "a.b", "data": {"n": 1}},
            {"event": "a.c", "data": {}, "id": "x", "timestamp": "2026-01-01T00:00:00.000Z"},
        ]
    }


@pytest.mark.parametrize(
    ("data", "error"),
    [({"n": float("nan")}, ValueError), ({"s": "\ud800"}, ValueError), ({"o": object()}, TypeError)],
    ids=["nan", "lone surrogate", "no JSON"],
)
def test_data_that_json_cannot_hold_is_refused_before_anything_is_sent(
    api: LocalApi, client: Client, data: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        client.publish("a.b", data)
    assert api.asked == []


def test_a_time_without_a_zone_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="time zone"):
        client.publish("a.b", {}, timestamp=datetime(2026, 1, 1))


# The call, and the method, path and JSON body that it sends.
CALLS: dict[str, tuple[Callable[[Client], object], str, str, object]] = {
    "events.get": (lambda c: c.events.get("evt_1"), "GET", "/events/evt_1", None),
    "events.replay": (lambda c: c.events.replay("evt_1"), "POST", "/events/evt_1/replay", {}),
    "events.replay to one": (
        lambda c: c.events.replay("evt_1", endpoint_id="ep_1"),
        "POST",
        "/events/evt_1/replay",
        {"endpoint_id": "ep_1"},
    ),
    "endpoints.create": (
        lambda c: c.endpoints.create("https://a.example/hook"),
        "POST",
        "/endpoints",
        {"url": "https://a.example/hook"},
    ),
    "endpoints.create with settings": (
        lambda c: c.endpoints.create(
            "https://a.example/hook", events=["a.*"], retry={"max_retries": 2}, filter=None, ordered=True
        ),
        "POST",
        "/endpoints",
        {
            "url": "https://a.example/hook",
            "events": ["a.*"],
            "retry": {"max_retries": 2},
            "filter": None,
            "ordered": True,
        },
    ),
    "endpoints.get": (lambda c: c.endpoints.get("ep_1"), "GET", "/endpoints/ep_1", None),
    "endpoints.update": (
        lambda c: c.endpoints.update("ep_1", url="https://b.example", rate_limit=None),
        "PATCH",
        "/endpoints/ep_1",
        {"url": "https://b.example", "rate_limit": None},
    ),
    "endpoints.delete": (lambda c: c.endpoints.delete("ep_1"), "DELETE", "/endpoints/ep_1", None),
    "endpoints.enable": (lambda c: c.endpoints.enable("ep_1"), "POST", "/endpoints/ep_1/enable", None),
    "endpoints.disable": (lambda c: c.endpoints.disable("ep_1"), "POST", "/endpoints/ep_1/disable", None),
    "endpoints.test": (lambda c: c.endpoints.test("ep_1"), "POST", "/endpoints/ep_1/test", {}),
    "endpoints.test and wait": (
        lambda c: c.endpoints.test("ep_1", "user.joined", wait=True),
        "POST",
        "/endpoints/ep_1/test?wait=true",
        {"event": "user.joined"},
    ),
    "deliveries.get": (lambda c: c.deliveries.get("dlv_1"), "GET", "/deliveries/dlv_1", None),
    "deliveries.retry": (lambda c: c.deliveries.retry("dlv_1"), "POST", "/deliveries/dlv_1/retry", None),
    "deliveries.cancel": (lambda c: c.deliveries.cancel("dlv_1"), "POST", "/deliveries/dlv_1/cancel", None),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_method_is_one_request_and_returns_its_answer(api: LocalApi, client: Client, name: str) -> None:
    call, method, path, body = CALLS[name]
    api.otherwise = Reply(body=b"") if method == "DELETE" else Reply(body=b'{"id":"x_1"}')
    assert call(client) == (None if method == "DELETE" else {"id": "x_1"})
    (asked,) = api.asked
    assert (asked.method, asked.target) == (method, f"/api/v1{path}")
    assert (asked.json() if asked.body else None) == body


def test_what_makes_rows_takes_an_idempotency_key(api: LocalApi, client: Client) -> None:
    client.endpoints.create("https://a.example", idempotency_key="k1")
    client.events.replay("evt_1", idempotency_key="k2")
    assert [asked.headers["Idempotency-Key"] for asked in api.asked] == ["k1", "k2"]
    assert api.asked[0].json() == {"url": "https://a.example"}


def test_ids_are_escaped_so_that_they_reach_no_other_resource(api: LocalApi, client: Client) -> None:
    client.endpoints.get("../events?x=1#é")
    assert api.asked[0].target == "/api/v1/endpoints/..%2Fevents%3Fx%3D1%23%C3%A9"
    for dangerous in ("", ".", ".."):
        with pytest.raises(ValueError, match="id"):
            client.endpoints.delete(dangerous)
    assert len(api.asked) == 1


def test_rows_go_through_all_pages_and_keep_the_filters(api: LocalApi, client: Client) -> None:
    api.reply({"data": [{"id": "dlv_3"}, {"id": "dlv_2"}], "next_cursor": "c/1"})
    api.reply({"data": [{"id": "dlv_1"}], "next_cursor": None})
    since = datetime(2026, 1, 1, tzinfo=UTC)
    first = client.deliveries.list(status="failed", endpoint_id="ep_1", since=since, limit=2)
    assert len(api.asked) == 1
    assert [row["id"] for row in first.rows()] == ["dlv_3", "dlv_2", "dlv_1"]
    query = "status=failed&endpoint_id=ep_1&since=2026-01-01T00%3A00%3A00.000Z&limit=2"
    assert [asked.target for asked in api.asked] == [
        f"/api/v1/deliveries?{query}",
        f"/api/v1/deliveries?{query}&cursor=c%2F1",
    ]


def test_a_page_can_be_taken_by_itself(api: LocalApi, client: Client) -> None:
    api.reply({"data": [{"id": "ep_2"}], "next_cursor": "c"})
    api.reply({"data": [], "next_cursor": None})
    page = client.endpoints.list(limit=1)
    assert (page.data, page.next_cursor) == ([{"id": "ep_2"}], "c")
    last = page.next_page()
    assert last is not None
    assert last.next_page() is None
    assert [asked.target for asked in api.asked] == [
        "/api/v1/endpoints?limit=1",
        "/api/v1/endpoints?limit=1&cursor=c",
    ]


def test_events_are_listed_by_type_and_time(api: LocalApi, client: Client) -> None:
    api.reply({"data": [], "next_cursor": None})
    client.events.list(
        event="a.b", since="2026-01-01T00:00:00Z", until=datetime(2026, 2, 1, tzinfo=UTC), cursor="c"
    )
    assert api.asked[0].target == (
        "/api/v1/events?event=a.b&since=2026-01-01T00%3A00%3A00Z&until=2026-02-01T00%3A00%3A00.000Z&cursor=c"
    )


def test_any_request_can_be_made(api: LocalApi, client: Client) -> None:
    api.replies.append(Reply(201, b'{"id":"wf_1"}', {"Location": "/api/v1/workflows/wf_1"}))
    answer = client.request(
        "POST",
        "/workflows/deploy",
        query={"dry_run": False, "n": 3, "absent": None},
        body=b"\x1f\x8b",
        headers={"content-type": "application/gzip", "Idempotency-Key": "k"},
    )
    (asked,) = api.asked
    assert asked.target == "/api/v1/workflows/deploy?dry_run=false&n=3"
    assert asked.body == b"\x1f\x8b"
    assert [v for name, v in asked.headers.items() if name.lower() == "content-type"] == ["application/gzip"]
    assert answer.status == 201
    assert answer.headers["location"] == "/api/v1/workflows/wf_1"
    assert answer.body == b'{"id":"wf_1"}'
    assert answer.json() == {"id": "wf_1"}


def test_an_answer_without_a_body_has_no_json(api: LocalApi, client: Client) -> None:
    api.replies.append(Reply(204, b""))
    assert client.request("DELETE", "/api-keys/key_1").json() is None


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"\xff", b"[" * 100_000], ids=["html", "list", "bytes", "deep"]
)
def test_a_success_that_is_not_the_expected_json_is_an_api_error(
    api: LocalApi, client: Client, body: bytes
) -> None:
    api.replies.append(Reply(200, body, {"Request-Id": "req_1"}))
    with pytest.raises(ApiError) as caught:
        client.events.get("evt_1")
    assert (caught.value.code, caught.value.status, caught.value.request_id) == (
        "malformed_answer",
        200,
        "req_1",
    )


@pytest.mark.parametrize("document", [{}, {"data": {}}, {"data": [], "next_cursor": 1}])
def test_a_list_without_rows_or_with_an_odd_cursor_is_an_api_error(
    api: LocalApi, client: Client, document: object
) -> None:
    api.reply(document)
    with pytest.raises(ApiError, match="malformed_answer"):
        client.events.list()


@pytest.mark.parametrize("path", ["", "events", "/a b", "/a\r\nb", "/é", "http://other.example/"])
def test_a_path_that_could_not_be_sent_is_a_value_error(api: LocalApi, client: Client, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        client.request("GET", path)
    assert api.asked == []


def test_a_header_that_would_split_the_request_is_a_value_error(api: LocalApi, client: Client) -> None:
    with pytest.raises(ValueError, match="header"):
        client.request("GET", "/events", headers={"X-A": "1\r\nX-B: 2"})
    with pytest.raises(ValueError, match="either"):
        client.request("POST", "/events", json={}, body=b"{}")
    assert api.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "ftp://a.example",
        "https://",
        "https://u:p@a.example",
        "https://a.example/?x",
        "http://a:b",
    ],
)
def test_a_url_that_is_no_service_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the texts differ; that nothing was connected is the point)
        Client(url, KEY)


@pytest.mark.parametrize("key", ["", "afk_\n", "afk_ 1", "afk_é"])
def test_a_key_that_could_not_be_sent_is_a_value_error_without_the_key(key: str) -> None:
    with pytest.raises(ValueError, match="API key must be visible ASCII"):
        Client("http://127.0.0.1:1", key)


def test_the_service_may_live_below_a_path(api: LocalApi) -> None:
    with Client(f"{api.url}/hooks/", KEY) as client:
        client.events.get("evt_1")
    assert api.asked[0].target == "/hooks/api/v1/events/evt_1"


def test_the_key_stays_out_of_what_is_printed(client: Client) -> None:
    assert KEY not in repr(client)
