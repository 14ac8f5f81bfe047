"""Lists: order, pages, cursors, filters."""

import base64
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.api.deployments import deploy
from tests.api.problems import assert_refused

# For what is refused before the database is asked.
in_one_wiring = pytest.mark.parametrize("service", ["embedded"], indirect=True)

LISTS = ["/events", "/endpoints", "/deliveries", "/workflows", "/sessions", "/requests", "/api-keys"]

# Those whose rows stand in order of the time at which they came, which callers can cut.
TIMED = ["/events", "/deliveries", "/sessions", "/requests"]

SPAN = {"since": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}

numbers = itertools.count(1)

# Parameters of each list beside limit and cursor, with a value that fits.
FILTERS = {
    "/events": {"event": "a.b", **SPAN},
    "/endpoints": {"enabled": "true"},
    "/deliveries": {
        "status": "pending",
        "endpoint_id": "ep_1",
        "event": "a.b",
        "event_id": "evt_1",
        **SPAN,
    },
    "/workflows": {"name": "w", "enabled": "true"},
    "/sessions": {"status": "running", "workflow_id": "wf_1", "trigger": "t", "request_id": "req_1", **SPAN},
    "/requests": {"workflow_id": "wf_1", "trigger": "t", "matched": "true", **SPAN},
    "/api-keys": {},
}

ENDPOINT = {"url": "http://127.0.0.1:9/", "retry": {"schedule": [600_000]}}


def fill(workspace: httpx2.Client, path: str, number: int) -> None:
    """Make so many rows of a list, one after the other; a delivery comes with an event."""
    if path in ("/workflows", "/sessions", "/requests"):
        fill_inbound(workspace, path, number)
        return
    if path == "/deliveries" and not workspace.get("/endpoints").json()["data"]:
        workspace.post("/endpoints", json=ENDPOINT)
    path, body = {
        "/endpoints": ("/endpoints", ENDPOINT),
        "/api-keys": ("/api-keys", {"name": "x", "scopes": ["read"]}),
    }.get(path, ("/events", {"event": "a.b", "data": {}}))
    for _ in range(number):
        assert workspace.post(path, json=body).is_success


def fill_inbound(workspace: httpx2.Client, path: str, number: int) -> None:
    """Make so many workflows, sessions or requests; of the latter two, all of one workflow."""
    if path == "/workflows":
        for _ in range(number):
            assert workspace.post(path, json={"name": f"w{next(numbers)}"}).is_success
        return
    deployed = deploy(workspace).json()
    url = next(one["url"] for one in deployed["triggers"] if one["name"] == "calls_nothing")
    for _ in range(number):
        if path == "/requests":
            assert workspace.post(url).is_success
        else:
            start = {"trigger": "background"}
            assert workspace.post(f"/workflows/{deployed['workflow']['id']}/sessions", json=start).is_success


def came_at(row: dict[str, Any]) -> str:
    """Return the time by which a list is ordered."""
    moment: str = row["received_at"] if "received_at" in row else row["created_at"]
    return moment


def ids(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


def pages(workspace: httpx2.Client, path: str, **parameters: str) -> list[list[str]]:
    """Return the ids of each page until the last."""
    found = []
    cursor: str | None = None
    while True:
        given = parameters | ({} if cursor is None else {"cursor": cursor})
        answer = workspace.get(path, params=given)
        found.append(ids(answer))
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_pages_newest_first_and_null_at_the_end(workspace: httpx2.Client, path: str) -> None:
    fill(workspace, path, 5)
    answer = workspace.get(path)
    assert set(answer.json()) == {"data", "next_cursor"}
    assert answer.json()["next_cursor"] is None
    rows = answer.json()["data"]
    stamps = [(came_at(row), row["id"]) for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    everything = [row["id"] for row in rows]
    assert len(everything) >= 5
    for limit in (1, 2, len(everything) - 1, len(everything), 100):
        cut = pages(workspace, path, limit=str(limit))
        assert list(itertools.chain(*cut)) == everything
        assert all(len(page) == limit for page in cut[:-1])
        assert 0 < len(cut[-1]) <= limit


@pytest.mark.parametrize("path", [path for path in LISTS if path != "/api-keys"])
def test_an_empty_list_has_an_end_too(workspace: httpx2.Client, path: str) -> None:
    assert workspace.get(path).json() == {"data": [], "next_cursor": None}


def test_fifty_are_listed_unless_told_otherwise_and_a_hundred_at_most(workspace: httpx2.Client) -> None:
    events = [{"event": "a.b", "data": {}} for _ in range(120)]
    workspace.post("/events/batch", json={"events": events})
    assert len(ids(workspace.get("/events"))) == 50
    assert len(ids(workspace.get("/events?limit=100"))) == 100
    assert [len(page) for page in pages(workspace, "/events")] == [50, 50, 20]


@in_one_wiring
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "abc", "", "1.0", "1e1", "+1", " 1", "1_0", "٣", "9" * 30]
)
def test_another_limit_is_refused(workspace: httpx2.Client, path: str, limit: str) -> None:
    assert_refused(workspace.get(path, params={"limit": limit}), 422, "invalid", "?limit")


@pytest.mark.parametrize("path", TIMED)
def test_pages_stay_where_they_are_while_rows_come_in(workspace: httpx2.Client, path: str) -> None:
    fill(workspace, path, 6)
    everything = ids(workspace.get(path))
    first = workspace.get(path, params={"limit": 2})
    fill(workspace, path, 2)
    second = workspace.get(path, params={"limit": 2, "cursor": first.json()["next_cursor"]})
    fill(workspace, path, 1)
    third = workspace.get(path, params={"limit": 2, "cursor": second.json()["next_cursor"]})
    assert ids(first) + ids(second) + ids(third) == everything
    again = workspace.get(path, params={"limit": 100, "cursor": first.json()["next_cursor"]})
    assert ids(again) == everything[2:]


def test_events_of_one_moment_are_neither_lost_nor_doubled_between_pages(workspace: httpx2.Client) -> None:
    names = [f"{letter}{number}" for number in range(10) for letter in "zZ_a-"]
    events = [{"event": "a.b", "data": {}, "id": name} for name in names]
    workspace.post("/events/batch", json={"events": events})
    listed = list(itertools.chain(*pages(workspace, "/events", limit="7")))
    # Their time of creation is the same, so their ids decide, as bytes.
    assert listed == sorted(names, reverse=True)


def cursor_of(workspace: httpx2.Client, path: str, **parameters: str) -> str:
    cursor: str = workspace.get(path, params={"limit": "1", **parameters}).json()["next_cursor"]
    assert cursor
    return cursor


def forge(cursor: str, *position: object) -> str:
    """Return a cursor of the same list with another position."""
    content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return base64.urlsafe_b64encode(json.dumps([content[0], *position]).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("path", LISTS)
def test_garbage_is_no_cursor(workspace: httpx2.Client, path: str) -> None:
    fill(workspace, path, 2)
    cursor = cursor_of(workspace, path)
    garbage = ["", "x", "null", "e30", "W10", "WzFd", "%00", "é", cursor[:-1], cursor + "x", cursor[::-1]]
    garbage += ["=" + cursor, "/" * 8, "A" * 5_000]
    for given in garbage:
        assert_refused(workspace.get(path, params={"cursor": given}), 422, "invalid_cursor", "?cursor")


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_that_was_tampered_with_does_no_harm(workspace: httpx2.Client, path: str) -> None:
    fill(workspace, path, 2)
    cursor = cursor_of(workspace, path)
    moment = 1_769_851_800_000_000
    positions: list[list[Any]] = [
        *[[], [None], [1], ["\0"], [["x"]], [{}], [True]],
        *[[1, 2, 3], ["x", "y"], [moment, "\0"], [moment, None], [None, "x"], ["x", moment]],
        *[[10**18, "x"], [-(10**18), "x"], [2**63, "x"], [1e300, "x"], [[], "x"]],
    ]
    for position in positions:
        answer = workspace.get(path, params={"cursor": forge(cursor, *position)})
        assert_refused(answer, 422, "invalid_cursor", "?cursor")


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_belongs_to_one_list_of_one_workspace(
    workspace: httpx2.Client, stranger: httpx2.Client, path: str
) -> None:
    fill(workspace, path, 2)
    cursor = cursor_of(workspace, path)
    assert workspace.get(path, params={"cursor": cursor, "limit": "7"}).status_code == 200
    assert_refused(stranger.get(path, params={"cursor": cursor}), 422, "invalid_cursor", "?cursor")
    for other in set(LISTS) - {path}:
        assert_refused(workspace.get(other, params={"cursor": cursor}), 422, "invalid_cursor", "?cursor")


@pytest.mark.parametrize(("path", "name"), [(path, name) for path in LISTS for name in FILTERS[path]])
def test_a_cursor_belongs_to_one_set_of_filters(workspace: httpx2.Client, path: str, name: str) -> None:
    fill(workspace, path, 2)
    cursor = cursor_of(workspace, path)
    answer = workspace.get(path, params={"cursor": cursor, name: FILTERS[path][name]})
    assert_refused(answer, 422, "invalid_cursor", "?cursor")


def test_a_cursor_goes_with_its_own_filters_however_they_are_written(workspace: httpx2.Client) -> None:
    fill(workspace, "/events", 3)
    cursor = cursor_of(workspace, "/events", since="2026-01-01T00:00:00Z", event="a.b")
    same = {"cursor": cursor, "since": "2026-01-01T01:00:00+01:00", "event": "a.b"}
    assert len(ids(workspace.get("/events", params=same))) == 2
    other = {**same, "since": "2026-01-01T00:00:00.000001Z"}
    assert_refused(workspace.get("/events", params=other), 422, "invalid_cursor", "?cursor")


@pytest.mark.parametrize("path", TIMED)
def test_since_is_inclusive_and_until_exclusive(workspace: httpx2.Client, path: str) -> None:
    fill(workspace, path, 3)
    rows = workspace.get(path).json()["data"]
    newest, middle, oldest = ([row["id"], came_at(row)] for row in rows)

    def between(**span: str) -> list[str]:
        return ids(workspace.get(path, params=span))

    assert between(since=middle[1]) == [newest[0], middle[0]]
    assert between(until=middle[1]) == [oldest[0]]
    assert between(since=middle[1], until=newest[1]) == [middle[0]]
    assert between(since=middle[1], until=middle[1]) == []
    just_after = datetime.fromisoformat(middle[1]) + timedelta(microseconds=1)
    assert between(since=just_after.isoformat()) == [newest[0]]
    assert between(until=just_after.isoformat()) == [middle[0], oldest[0]]
    assert between(since="0001-01-01T00:00:00Z", until="9999-12-31T23:59:59.999999Z") == [
        newest[0],
        middle[0],
        oldest[0],
    ]
    assert between(since=newest[1], until=oldest[1]) == []
    elsewhere = datetime.fromisoformat(middle[1]).astimezone(UTC).isoformat().replace("+00:00", "-00:00")
    assert between(until=elsewhere) == [oldest[0]]


@in_one_wiring
@pytest.mark.parametrize("path", TIMED)
@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(
    "moment",
    [
        "",
        "now",
        "1700000000",
        "2026-01-31",
        "2026-01-31T09:30:00",
        "2026-01-31T09:30:00 01:00",
        "1e3",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "2026-02-30T00:00:00Z",
    ],
)
def test_another_moment_is_refused(workspace: httpx2.Client, path: str, name: str, moment: str) -> None:
    assert_refused(workspace.get(path, params={name: moment}), 422, "invalid", f"?{name}")


def test_events_are_filtered_by_type(workspace: httpx2.Client) -> None:
    for event in ("a.b", "a.c", "a.b"):
        workspace.post("/events", json={"event": event, "data": {}})
    assert len(ids(workspace.get("/events?event=a.b"))) == 2
    assert ids(workspace.get("/events?event=a")) == []
    assert ids(workspace.get("/events?event=a.*")) == []
    assert ids(workspace.get("/events?event=")) == []


def test_endpoints_are_filtered_by_their_state(workspace: httpx2.Client) -> None:
    on = workspace.post("/endpoints", json=ENDPOINT).json()["id"]
    off = workspace.post("/endpoints", json={**ENDPOINT, "enabled": False}).json()["id"]
    assert ids(workspace.get("/endpoints?enabled=true")) == [on]
    assert ids(workspace.get("/endpoints?enabled=false")) == [off]
    assert ids(workspace.get("/endpoints?enabled=False")) == [off]
    for flag in ("", "1", "yes", "null", "truee"):
        assert_refused(workspace.get("/endpoints", params={"enabled": flag}), 422, "invalid", "?enabled")


def test_deliveries_are_filtered_by_each_of_their_sides(workspace: httpx2.Client) -> None:
    first, second = (workspace.post("/endpoints", json=ENDPOINT).json()["id"] for _ in range(2))
    for number, event in enumerate(("a.b", "a.c")):
        workspace.post("/events", json={"event": event, "data": {}, "id": f"e{number}"})
    rows = workspace.get("/deliveries").json()["data"]
    cancelled = rows[0]["id"]
    assert workspace.post(f"/deliveries/{cancelled}/cancel").status_code == 200
    rows = workspace.get("/deliveries").json()["data"]
    assert len(rows) == 4

    def assert_filtered(**wanted: str) -> None:
        expected = [row["id"] for row in rows if all(row[name] == value for name, value in wanted.items())]
        assert ids(workspace.get("/deliveries", params=wanted)) == expected
        assert 0 < len(expected) < 4

    assert_filtered(status="pending")
    assert_filtered(status="cancelled")
    assert_filtered(endpoint_id=first)
    assert_filtered(endpoint_id=second, status="pending")
    assert_filtered(event="a.b")
    assert_filtered(event_id="e1")
    assert_filtered(event_id="e0", endpoint_id=first, event="a.b", status="pending")
    assert ids(workspace.get("/deliveries?status=succeeded")) == []
    assert ids(workspace.get("/deliveries?event_id=e0&event=a.c")) == []


def test_a_filter_that_nothing_can_fit_is_refused_or_finds_nothing(workspace: httpx2.Client) -> None:
    fill(workspace, "/deliveries", 1)
    for status in ("", "done", "PENDING", "pending,failed"):
        assert_refused(workspace.get("/deliveries", params={"status": status}), 422, "invalid", "?status")
    for name in ("endpoint_id", "event", "event_id"):
        assert ids(workspace.get("/deliveries", params={name: "x" * 5_000})) == []
        assert ids(workspace.get("/deliveries", params={name: "é🦉' OR 1=1 --"})) == []
        assert_refused(workspace.get("/deliveries", params={name: "\0"}), 422, "invalid", f"?{name}")


@pytest.mark.parametrize("path", LISTS)
def test_an_unknown_or_repeated_parameter_is_named(workspace: httpx2.Client, path: str) -> None:
    problem = assert_refused(workspace.get(f"{path}?offset=1"), 422, "invalid", "?offset")
    assert problem["errors"][0]["code"] == "unknown"
    problem = assert_refused(workspace.get(f"{path}?limit=1&limit=1"), 422, "invalid", "?limit")
    assert problem["errors"][0]["code"] == "repeated"
    assert_refused(workspace.get(f"{path}?Limit=1"), 422, "invalid", "?Limit")
