"""`Idempotency-Key`: what is sent twice happens once."""

import asyncio
import hashlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from app.api.destinations import Destinations
from app.api.idempotency import CLAIM
from app.resolver import Resolver
from app.store.models import ApiKey, IdempotentAnswer
from tests.api.in_process import Inside
from tests.api.problems import assert_refused
from tests.eventually import eventually
from tests.services import Service
from tests.waiting import until

REPLAYED = "idempotent-replayed"

ENDPOINT = {"url": "http://127.0.0.1:9/", "retry": {"schedule": [600_000]}}
EVENT = {"event": "a.b", "data": {}}

# Every POST: its path, its body, and the members that only the first answer has.
POSTS: list[tuple[str, Any, tuple[str, ...]]] = [
    ("/events", EVENT, ()),
    ("/events/batch", {"events": [EVENT, {**EVENT, "id": "named"}, EVENT]}, ()),
    ("/events/{event}/replay", {}, ()),
    ("/events/{event}/replay", {"endpoint_id": "{endpoint}"}, ()),
    ("/endpoints", ENDPOINT, ("secret",)),
    ("/endpoints", {**ENDPOINT, "secret": "whsec_" + "A" * 32}, ("secret",)),
    ("/endpoints/{endpoint}/enable", None, ()),
    ("/endpoints/{endpoint}/disable", {}, ()),
    ("/endpoints/{endpoint}/test", {"event": "a.b"}, ()),
    ("/endpoints/{endpoint}/test?wait=true", {"event": "a.b"}, ()),
    ("/deliveries/{delivery}/retry", None, ()),
    ("/deliveries/{delivery}/cancel", None, ()),
    ("/workflows", {"name": "orders"}, ()),
    ("/api-keys", {"name": "a key", "scopes": ["read"]}, ("key",)),
    ("/invitations", {"email": "ada@example.com", "role": "viewer"}, ("token", "url")),
]

names = itertools.count(1)


def post(client: httpx2.Client, path: str, body: Any = None, *, key: str = "k1") -> httpx2.Response:
    return client.post(path, json=body, headers={"Idempotency-Key": key})


@pytest.fixture
def ids(workspace: httpx2.Client) -> dict[str, str]:
    """An endpoint, and an event whose delivery to it has failed once and waits."""
    endpoint = workspace.post("/endpoints", json=ENDPOINT).json()["id"]
    event = workspace.post("/events", json=EVENT).json()["id"]
    (delivery,) = workspace.get(f"/events/{event}").json()["deliveries"]
    ids = {"endpoint": endpoint, "event": event, "delivery": delivery["id"]}
    wait_for_attempts(workspace, ids["delivery"], 1)
    return ids


def wait_for_attempts(workspace: httpx2.Client, delivery: str, number: int) -> None:
    def has_so_many() -> bool:
        return len(workspace.get(f"/deliveries/{delivery}").json()["attempts"]) == number

    until(has_so_many, what=f"{number} attempts are recorded")


def settle(workspace: httpx2.Client) -> dict[str, Any]:
    """Return what the workspace holds once every delivery has been tried."""

    def nothing_is_due() -> bool:
        deliveries = workspace.get("/deliveries?status=pending").json()["data"]
        return all(one["attempt_count"] for one in deliveries)

    until(nothing_is_due, what="every delivery has been tried")
    return {
        "events": workspace.get("/events").json(),
        "endpoints": workspace.get("/endpoints").json(),
        "deliveries": workspace.get("/deliveries").json(),
        "workflows": workspace.get("/workflows").json(),
        "invitations": workspace.get("/invitations").json(),
        "keys": [one["id"] for one in workspace.get("/api-keys").json()["data"]],
    }


def fill_in(body: Any, ids: dict[str, str]) -> Any:
    return {k: v.format_map(ids) if isinstance(v, str) else v for k, v in body.items()} if body else body


@pytest.mark.parametrize(("path", "body", "shown_once"), POSTS)
def test_the_same_request_gets_the_first_answer_and_changes_nothing(
    workspace: httpx2.Client, ids: dict[str, str], path: str, body: Any, shown_once: tuple[str, ...]
) -> None:
    path, body = path.format_map(ids), fill_in(body, ids)
    first = post(workspace, path, body)
    assert first.is_success, first.text
    assert REPLAYED not in first.headers
    if path.endswith("/retry"):
        wait_for_attempts(workspace, ids["delivery"], 2)
    before = settle(workspace)
    second = post(workspace, path, body)
    assert (second.status_code, second.headers[REPLAYED]) == (first.status_code, "true")
    assert second.headers.get("location") == first.headers.get("location")
    assert second.headers["content-type"] == "application/json"
    expected = first.json()
    for name in shown_once:
        assert expected.pop(name)
    assert second.json() == expected
    assert settle(workspace) == before


def test_a_workspace_is_made_once_and_its_key_shown_once(service: Service) -> None:
    body = {"name": f"made once {next(names)}"}
    key = f"workspace-{body['name'].replace(' ', '-')}"
    first, second = (post(service.api, "/workspaces", body, key=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == {"workspace_id": first.json()["workspace_id"]}


def test_other_bytes_under_a_key_are_refused(workspace: httpx2.Client, ids: dict[str, str]) -> None:
    post(workspace, "/events", EVENT)
    headers = {"Idempotency-Key": "k1"}
    for content in (b'{"event":"a.b","data":{"a":1}}', b'{"event":"a.b","data":{} }'):
        answer = workspace.post("/events", content=content, headers=headers)
        assert_refused(answer, 422, "idempotency_mismatch")
    test = f"/endpoints/{ids['endpoint']}/test"
    post(workspace, test)
    assert_refused(post(workspace, f"{test}?wait=true"), 422, "idempotency_mismatch")
    assert_refused(post(workspace, test, {}), 422, "idempotency_mismatch")


def test_a_key_belongs_to_a_workspace_and_a_route(
    workspace: httpx2.Client, stranger: httpx2.Client, ids: dict[str, str]
) -> None:
    answers = [
        post(workspace, "/events", EVENT),
        post(stranger, "/events", EVENT),
        post(workspace, "/events/batch", {"events": [EVENT]}),
        post(workspace, f"/endpoints/{ids['endpoint']}/test"),
        post(workspace, f"/endpoints/{ids['endpoint']}/disable"),
    ]
    assert not [answer for answer in answers if not answer.is_success or REPLAYED in answer.headers]


@pytest.mark.parametrize("key", ["x", "!~", "k" * 255, '"quoted"', "8e03978e-40d5-43e8-bc93-6894a57f9324"])
def test_a_key_is_visible_ascii(workspace: httpx2.Client, key: str) -> None:
    assert post(workspace, "/events", EVENT, key=key).status_code == 202
    assert post(workspace, "/events", EVENT, key=key).headers[REPLAYED] == "true"


@pytest.mark.parametrize("key", [b"", b"k" * 256, b"a b", b"a\tb", "é".encode()])
def test_another_key_is_refused(workspace: httpx2.Client, key: bytes) -> None:
    answer = workspace.post("/events", json=EVENT, headers={"Idempotency-Key": key})
    assert_refused(answer, 422, "invalid", "Idempotency-Key")


def test_two_keys_are_none(workspace: httpx2.Client) -> None:
    headers = [("Idempotency-Key", "k1"), ("Idempotency-Key", "k2")]
    answer = workspace.post("/events", json=EVENT, headers=headers)
    assert_refused(answer, 422, "invalid", "Idempotency-Key")


def test_a_refusal_is_not_kept(workspace: httpx2.Client, ids: dict[str, str]) -> None:
    for path, bad, good in [
        ("/events", {"event": "a.b"}, EVENT),
        ("/events/batch", {"events": []}, {"events": [EVENT]}),
        ("/endpoints", {"url": "https://10.0.0.1/"}, ENDPOINT),
        ("/api-keys", {"name": "x", "scopes": ["operator"]}, {"name": "x", "scopes": ["read"]}),
        (f"/events/{ids['event']}/replay", {"endpoint_id": "ep_none"}, {}),
        (f"/endpoints/{ids['endpoint']}/test", {"event": "x"}, {}),
    ]:
        assert post(workspace, path, bad).is_client_error
        answer = post(workspace, path, good)
        assert (answer.is_success, REPLAYED in answer.headers) == (True, False)


def test_a_conflict_is_not_kept(workspace: httpx2.Client, ids: dict[str, str]) -> None:
    endpoint, retry = f"/endpoints/{ids['endpoint']}", f"/deliveries/{ids['delivery']}/retry"
    workspace.post(f"{endpoint}/disable")
    assert_refused(post(workspace, retry), 409, "endpoint_disabled")
    workspace.post(f"{endpoint}/enable")
    assert post(workspace, retry).status_code == 202
    assert_refused(post(workspace, "/events", {**EVENT, "event": "x.y", "id": ids["event"]}), 409, "conflict")
    assert post(workspace, "/events", EVENT).status_code == 202


def test_an_answer_is_kept_although_its_row_has_changed_since(
    workspace: httpx2.Client, ids: dict[str, str]
) -> None:
    path = f"/endpoints/{ids['endpoint']}"
    first = post(workspace, f"{path}/disable")
    workspace.post(f"{path}/enable")
    assert post(workspace, f"{path}/disable").json() == first.json()
    assert workspace.get(path).json()["enabled"] is True


@pytest.mark.parametrize(
    ("path", "body"),
    [("/endpoints", ENDPOINT), ("/events", EVENT), ("/events/batch", {"events": [EVENT] * 3})],
)
def test_many_requests_at_once_with_one_key_have_one_effect(
    workspace: httpx2.Client, path: str, body: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: post(workspace, path, body), range(24)))
    first = [answer for answer in answers if answer.is_success and REPLAYED not in answer.headers]
    replays = [answer for answer in answers if answer.is_success and REPLAYED in answer.headers]
    running = [answer for answer in answers if not answer.is_success]
    assert len(first) == 1
    assert len({answer.text for answer in replays}) <= 1
    for answer in running:
        assert_refused(answer, 409, "idempotency_in_progress")
        assert answer.headers["retry-after"] == "1"
    made = workspace.get("/endpoints" if path == "/endpoints" else "/events").json()["data"]
    assert len(made) == (3 if path == "/events/batch" else 1)


# What follows needs a clock that moves, and processes that die between two statements.


async def send(inside: Inside, path: str, content: bytes) -> httpx2.Response:
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    return await inside.api.post(path, content=content, headers=headers)


async def forget_answers(inside: Inside) -> None:
    """Leave what a process leaves that died after its commit and before it kept its answer."""
    async with inside.wiring.database.write() as tx:
        await tx.execute(update(IdempotentAnswer).values(status=None, headers=None, body=None))


async def test_a_key_is_free_again_after_a_day(inside: Inside) -> None:
    body = b'{"event": "a.b", "data": {}}'
    first = await send(inside, "/events", body)
    inside.clock.move(hours=23, minutes=59)
    assert (await send(inside, "/events", body)).json() == first.json()
    inside.clock.move(minutes=1)
    later = await send(inside, "/events", b'{"event": "c.d", "data": {}}')
    assert (later.status_code, later.json()["event"]) == (202, "c.d")


@pytest.mark.parametrize(
    ("path", "body", "number"),
    [
        ("/events", b'{"event": "a.b", "data": {}}', 1),
        ("/events/batch", b'{"events": [{"event": "a.b", "data": {}}, {"event": "a.b", "data": {}}]}', 2),
    ],
)
async def test_what_a_process_published_before_it_died_is_found_not_repeated(
    inside: Inside, path: str, body: bytes, number: int
) -> None:
    first = await send(inside, path, body)
    await forget_answers(inside)
    inside.clock.move(seconds=59)
    assert_refused(await send(inside, path, body), 409, "idempotency_in_progress")
    inside.clock.move(seconds=2)
    again = await send(inside, path, body)
    assert (again.status_code, again.json()) == (202, first.json())
    assert len((await inside.api.get("/events")).json()["data"]) == number
    # From now on it is kept.
    assert (await send(inside, path, body)).headers[REPLAYED] == "true"


async def test_what_a_process_did_not_do_before_it_died_is_done_by_another(inside: Inside) -> None:
    body = b'{"url": "http://127.0.0.1:9/"}'
    key = (await inside.api.get("/api-keys")).json()["data"][0]
    async with inside.wiring.database.write() as tx:
        tx.add(
            IdempotentAnswer(
                workspace_id=await workspace_of(inside, key["id"]),
                route="POST /api/v1/endpoints",
                key="k1",
                request_digest=hashlib.sha256(b"\0" + body).digest(),
                claim="0" * 32,
                claimed_until=inside.clock.now,
                created_at=inside.clock.now,
            )
        )
    first = await send(inside, "/endpoints", body)
    assert (first.status_code, REPLAYED in first.headers) == (201, False)
    assert (await send(inside, "/endpoints", body)).headers[REPLAYED] == "true"
    assert len((await inside.api.get("/endpoints")).json()["data"]) == 1


async def workspace_of(inside: Inside, key_id: str) -> str:
    async with inside.wiring.database.read() as tx:
        return (await tx.get_one(ApiKey, key_id)).workspace_id


async def test_a_request_that_failed_by_our_mistake_says_no_more_and_can_be_sent_again_at_once(
    inside: Inside,
) -> None:
    def look_up(_: str) -> list[Any]:
        raise RuntimeError("CANARY")

    right = inside.app.state.destinations
    inside.app.state.destinations = Destinations(inside.wiring.egress, Resolver(look_up))
    body = b'{"url": "http://mistaken.example.com/"}'
    problem = assert_refused(await send(inside, "/endpoints", body), 500, "internal_error")
    assert "CANARY" not in str(problem)
    inside.app.state.destinations = right
    again = await send(inside, "/endpoints", body.replace(b"mistaken.example.com", b"127.0.0.1:9"))
    assert_refused(again, 422, "idempotency_mismatch")
    inside.app.state.destinations = Destinations(
        inside.wiring.egress, Resolver(lambda _: [ip_address("127.0.0.1")])
    )
    again = await send(inside, "/endpoints", body)
    assert (again.status_code, REPLAYED in again.headers) == (201, False)


async def is_taken_over(inside: Inside) -> bool:
    async with inside.wiring.database.read() as tx:
        until = await tx.scalar(select(IdempotentAnswer.claimed_until))
    return until == inside.clock.now + CLAIM


async def test_a_request_that_was_given_up_for_dead_has_no_effect_any_more(inside: Inside) -> None:
    asked, answered = threading.Event(), threading.Event()

    def look_up(_: str) -> list[Any]:
        asked.set()
        answered.wait(2)
        return [ip_address("127.0.0.1")]

    inside.app.state.destinations = Destinations(inside.wiring.egress, Resolver(look_up))
    body = b'{"url": "http://slow.example.com/"}'
    slow = asyncio.create_task(send(inside, "/endpoints", body))
    await eventually(asked.is_set, what="the first request waits for the name")
    inside.clock.move(seconds=61)
    other = asyncio.create_task(send(inside, "/endpoints", body))
    await eventually(lambda: is_taken_over(inside), what="the second request has taken over")
    answered.set()
    answers = await asyncio.gather(slow, other)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert_refused(answers[0], 409, "idempotency_in_progress")
    assert len((await inside.api.get("/endpoints")).json()["data"]) == 1
