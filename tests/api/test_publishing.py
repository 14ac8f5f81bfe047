"""Events, one by one and in batches: what is accepted, what it is called, and what happens twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.catalogue import EVENT_TYPES
from tests.api.problems import assert_refused

# For what is refused before the database is asked.
in_one_wiring = pytest.mark.parametrize("service", ["embedded"], indirect=True)

REPLAYED = "idempotent-replayed"


def publish(workspace: httpx2.Client, **members: Any) -> httpx2.Response:
    return workspace.post("/events", json={"event": "invoice.paid", "data": {}, **members})


def event(**members: Any) -> dict[str, Any]:
    return {"event": "invoice.paid", "data": {}, **members}


def batch(workspace: httpx2.Client, *events: object) -> httpx2.Response:
    return workspace.post("/events/batch", json={"events": events})


@pytest.fixture
def endpoint(workspace: httpx2.Client) -> str:
    """An endpoint that is subscribed to everything and whose deliveries stay pending."""
    made = workspace.post("/endpoints", json={"url": "http://127.0.0.1:9/", "retry": {"schedule": [600000]}})
    endpoint_id: str = made.json()["id"]
    return endpoint_id


def test_an_event_is_accepted_with_the_number_of_its_deliveries(
    workspace: httpx2.Client, endpoint: str
) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    answer = publish(workspace)
    accepted = answer.json()
    assert answer.status_code == 202
    assert set(accepted) == {"id", "event", "timestamp", "deliveries", "warnings"}
    assert (accepted["event"], accepted["deliveries"]) == ("invoice.paid", 1)
    assert accepted["id"].startswith("evt_")
    assert REPLAYED not in answer.headers
    # Milliseconds, and Z.
    assert len(accepted["timestamp"]) == len("2026-01-31T09:30:00.000Z")
    assert before <= datetime.fromisoformat(accepted["timestamp"]) <= datetime.now(UTC)

    shown = workspace.get(f"/events/{accepted['id']}").json()
    assert shown["timestamp"] == accepted["timestamp"]
    assert [one["endpoint_id"] for one in shown["deliveries"]] == [endpoint]
    assert shown["unmatched"] == []


@pytest.mark.parametrize("event_id", ["a", "x" * 64, "Az09_-", "-", "batch", "0"])
def test_a_caller_may_name_an_event(workspace: httpx2.Client, event_id: str) -> None:
    assert publish(workspace, id=event_id).json()["id"] == event_id
    assert workspace.get(f"/events/{event_id}").json()["id"] == event_id


@in_one_wiring
@pytest.mark.parametrize(
    "event_id", ["", "x" * 65, "a b", "a.b", "a/b", "é", "a\n", "a\0", 1, True, ["a"], {}]
)
def test_another_name_is_refused(workspace: httpx2.Client, event_id: object) -> None:
    assert_refused(publish(workspace, id=event_id), 422, "invalid", "/id")
    assert_refused(batch(workspace, event(), event(id=event_id)), 422, "invalid", "/events/1/id")


def test_an_id_and_a_timestamp_may_be_null(workspace: httpx2.Client) -> None:
    assert publish(workspace, id=None, timestamp=None).status_code == 202


def test_the_same_event_again_gets_the_first_answer_and_no_new_delivery(
    workspace: httpx2.Client, endpoint: str
) -> None:
    first = publish(workspace, id="e1", data={"a": [1, 2]})
    later = workspace.post("/endpoints", json={"url": "http://127.0.0.1:9/"}).json()["id"]
    spaced = b'{ "data" : { "a" : [ 1 , 2 ] } , "id" : "e1" , "event" : "invoice.paid" }'
    second = workspace.post("/events", content=spaced)
    assert (second.status_code, second.json()) == (202, first.json())
    assert second.headers[REPLAYED] == "true"
    shown = workspace.get("/events/e1").json()
    assert [one["endpoint_id"] for one in shown["deliveries"]] == [endpoint]
    assert shown["unmatched"] == [{"endpoint_id": later, "reason": "registered_later"}]


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"a": 2}},
        {"data": {"a": 1.0}},
        {"data": {"a": "1"}},
        {"data": {"a": 1, "b": 1}},
        {"event": "invoice.sent"},
        {"timestamp": "2026-01-31T09:30:00Z"},
    ],
)
def test_an_id_of_another_event_is_a_conflict(workspace: httpx2.Client, other: dict[str, Any]) -> None:
    publish(workspace, id="e1", data={"a": 1})
    again = {"id": "e1", "data": {"a": 1}, **other}
    assert_refused(publish(workspace, **again), 409, "conflict", "/id")
    refused = batch(workspace, event(id="e2"), event(**again))
    assert_refused(refused, 409, "conflict", "/events/1/id")
    assert_refused(workspace.get("/events/e2"), 404, "not_found")
    assert workspace.get("/events/e1").json()["payload"]["data"] == {"a": 1}


def test_an_event_with_a_timestamp_of_its_own_is_the_same_only_with_it(workspace: httpx2.Client) -> None:
    stamp = "2026-01-31T09:30:00+01:00"
    first = publish(workspace, id="e1", timestamp=stamp)
    same_moment = publish(workspace, id="e1", timestamp="2026-01-31T08:30:00Z")
    assert (same_moment.json(), same_moment.headers[REPLAYED]) == (first.json(), "true")
    assert_refused(publish(workspace, id="e1", timestamp="2026-01-31T08:30:01Z"), 409, "conflict")


def test_many_who_publish_one_event_at_once_make_it_once(workspace: httpx2.Client, endpoint: str) -> None:
    def publish_once(number: int) -> httpx2.Response:
        if number % 4 == 3:
            return batch(workspace, event(id="race", data={"n": 1}))
        return publish(workspace, id="race", data={"n": 1 if number % 4 else 2})

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(publish_once, range(48)))
    statuses = {answer.status_code for answer in answers}
    assert statuses == {202, 409}
    singles = [answer for answer in answers if answer.status_code == 202 and "id" in answer.json()]
    assert len([answer for answer in singles if REPLAYED not in answer.headers]) <= 1
    assert len({answer.text for answer in singles}) <= 1
    deliveries = workspace.get("/deliveries", params={"event_id": "race"}).json()["data"]
    assert [one["endpoint_id"] for one in deliveries] == [endpoint]


STAMPS = [
    ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
    ("2026-01-31t09:30:00z", "2026-01-31T09:30:00Z"),
    ("2026-01-31T09:30:00.120Z", "2026-01-31T09:30:00.120Z"),
    ("2026-01-31T09:30:00.123456789Z", "2026-01-31T09:30:00.123456789Z"),
    ("2026-01-31T09:30:00-05:30", "2026-01-31T15:00:00Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
]


@pytest.mark.parametrize(("given", "kept"), STAMPS)
def test_a_timestamp_is_kept_in_utc(workspace: httpx2.Client, given: str, kept: str) -> None:
    accepted = publish(workspace, timestamp=given).json()
    assert accepted["timestamp"] == kept
    assert workspace.get(f"/events/{accepted['id']}").json()["payload"]["timestamp"] == kept
    assert workspace.get("/events").json()["data"][0]["timestamp"] == kept


@in_one_wiring
@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "yesterday",
        "2026-01-31",
        "2026-01-31T09:30:00",
        "2026-01-31 09:30:00Z",
        "2026-02-30T09:30:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-00:01",
        "2016-12-31T23:59:60Z",
        "10000-01-01T00:00:00Z",
        "2026-01-31T09:30:00Z\0",
        1_700_000_000,
        1.5,
        True,
        [],
    ],
)
def test_what_is_no_time_is_refused(workspace: httpx2.Client, stamp: object) -> None:
    assert_refused(publish(workspace, timestamp=stamp), 422, "invalid", "/timestamp")
    assert_refused(batch(workspace, event(timestamp=stamp)), 422, "invalid", "/events/0/timestamp")


@pytest.mark.parametrize("name", ["a.b", "a.b.c", "_._", "0.1", "a" * 63 + "." + "b" * 64])
def test_a_type_is_a_dotted_name_and_may_be_undeclared(workspace: httpx2.Client, name: str) -> None:
    answer = publish(workspace, event=name)
    assert (answer.status_code, answer.json()["warnings"]) == (
        202,
        [f"The event type {name} is not declared."],
    )


@in_one_wiring
@pytest.mark.parametrize(
    "name",
    [
        *["", "paid", "a.", ".a", "a..b", "A.b", "a.B", "a.b ", "a-b.c", "a.*", "*", "é.a", "a.b\n", "a.b\0"],
        *["a" * 64 + "." + "b" * 64, None, 1, ["a.b"]],
    ],
)
def test_another_type_is_refused(workspace: httpx2.Client, name: object) -> None:
    assert_refused(publish(workspace, event=name), 422, "invalid", "/event")
    assert_refused(batch(workspace, event(event=name)), 422, "invalid", "/events/0/event")


@in_one_wiring
@pytest.mark.parametrize(
    "name", ["workflow.bogus", "integration.x.y", "user.a", "billing.paid", "endpoint.a"]
)
def test_the_prefixes_of_built_in_types_are_reserved(workspace: httpx2.Client, name: str) -> None:
    assert_refused(publish(workspace, event=name), 422, "reserved_event_type", "/event")
    assert_refused(
        batch(workspace, event(), event(event=name)), 422, "reserved_event_type", "/events/1/event"
    )
    # Something else is wrong too.
    assert_refused(publish(workspace, event=name, data=1), 422, "invalid")


def test_prefixes_that_only_begin_alike_are_free(workspace: httpx2.Client) -> None:
    for name in ("workflows.bogus", "workflow_x.y", "my.workflow.bogus"):
        assert publish(workspace, event=name).status_code == 202


@pytest.mark.parametrize("known", EVENT_TYPES, ids=lambda known: known.name)
def test_built_in_types_need_the_id_of_their_object_and_nothing_else(
    workspace: httpx2.Client, known: Any
) -> None:
    answer = publish(workspace, event=known.name, data={known.object_name: {"id": "x"}, "more": [1]})
    assert answer.status_code == 202
    assert "warnings" not in answer.json()
    assert publish(workspace, event=known.name, data=dict(known.example)).status_code == 202
    name = known.object_name
    for data, path in [
        ({}, f"/data/{name}"),
        ({name: 1}, f"/data/{name}"),
        ({name: {}}, f"/data/{name}/id"),
        ({name: {"id": ""}}, f"/data/{name}/id"),
        ({name: {"id": 1}}, f"/data/{name}/id"),
        ({name: {"id": None}}, f"/data/{name}/id"),
    ]:
        assert_refused(publish(workspace, event=known.name, data=data), 422, "invalid", path)
        assert_refused(
            batch(workspace, event(event=known.name, data=data)), 422, "invalid", f"/events/0{path}"
        )


@in_one_wiring
@pytest.mark.parametrize("data", [None, [], "x", 1, True])
def test_data_is_an_object(workspace: httpx2.Client, data: object) -> None:
    assert_refused(publish(workspace, data=data), 422, "invalid", "/data")


def test_an_event_needs_a_type_and_data(workspace: httpx2.Client) -> None:
    assert_refused(workspace.post("/events", json={}), 422, "invalid", "/data", "/event")


def test_a_batch_has_ids_in_the_order_given(workspace: httpx2.Client, endpoint: str) -> None:
    answer = batch(
        workspace, event(id="z"), event(), event(id="a"), event(event="workflow.created", data=WORKFLOW)
    )
    accepted = answer.json()
    assert answer.status_code == 202
    assert set(accepted) == {"accepted", "ids", "warnings"}
    assert accepted["accepted"] == 4
    assert accepted["ids"][0::2] == ["z", "a"]
    assert accepted["warnings"] == ["The event type invoice.paid is not declared."]
    for event_id in accepted["ids"]:
        assert len(workspace.get(f"/events/{event_id}").json()["deliveries"]) == 1


WORKFLOW = {"workflow": {"id": "wf_1"}}


def test_a_thousand_events_are_a_batch_and_one_more_is_not(workspace: httpx2.Client) -> None:
    events = [event(id=f"e{number}", data={"n": number}) for number in range(1_000)]
    accepted = batch(workspace, *events).json()
    assert (accepted["accepted"], accepted["ids"]) == (1_000, [one["id"] for one in events])
    assert_refused(batch(workspace, *events, event()), 422, "invalid", "/events")
    # Again it is the same.
    assert batch(workspace, *events).json() == accepted


@pytest.mark.parametrize("events", [[], None, {}, "x", 1])
def test_a_batch_has_events(workspace: httpx2.Client, events: object) -> None:
    assert_refused(workspace.post("/events/batch", json={"events": events}), 422, "invalid", "/events")


def test_a_batch_is_accepted_whole_or_not_at_all(workspace: httpx2.Client) -> None:
    answer = batch(workspace, event(id="good"), 1, event(event="x"), event(id="good"), [])
    assert_refused(answer, 422, "invalid", "/events/1", "/events/2/event", "/events/3/id", "/events/4")
    assert_refused(workspace.get("/events/good"), 404, "not_found")


def test_an_id_stands_once_in_a_batch_even_for_the_same_event(workspace: httpx2.Client) -> None:
    assert_refused(batch(workspace, event(id="e"), event(id="e")), 422, "invalid", "/events/1/id")


def test_what_exists_counts_as_accepted_in_a_batch(workspace: httpx2.Client, endpoint: str) -> None:
    publish(workspace, id="old", data={"n": 1})
    answer = batch(workspace, event(id="new"), event(id="old", data={"n": 1}), event())
    assert (answer.status_code, answer.json()["accepted"]) == (202, 3)
    assert answer.json()["ids"][:2] == ["new", "old"]
    for event_id in answer.json()["ids"]:
        assert len(workspace.get(f"/events/{event_id}").json()["deliveries"]) == 1


def test_the_hundred_largest_events_are_listed_without_their_bodies(workspace: httpx2.Client) -> None:
    for number in range(3):
        publish(workspace, id=f"large-{number}", data={"text": "x" * 200_000})
    answer = workspace.get("/events")
    assert [one["id"] for one in answer.json()["data"]] == ["large-2", "large-1", "large-0"]
    assert set(answer.json()["data"][0]) == {"id", "event", "timestamp", "created_at"}
    assert len(answer.content) < 1_000
