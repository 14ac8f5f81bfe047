"""Integrations by the API: what is taken, what is shown, and what each verb leads to."""

import asyncio
import itertools
import logging
from typing import Any

import pytest

from app.integrations.rounds import check_due
from tests.api.in_process import Inside
from tests.api.problems import assert_refused
from tests.eventually import eventually
from tests.receivers import Script, answer, close, hang, receiver, turns

TOKEN = "hunter2-and-some-more"
BEARER = {"type": "bearer"}

numbers = itertools.count(1)


def given(url: str = "https://93.184.215.14/v1", **members: Any) -> dict[str, Any]:
    config = {"base_url": url, "auth": BEARER}
    return {"name": f"ledger {next(numbers)}", "kind": "http", "config": config, **members}


async def create(inside: Inside, url: str, **members: Any) -> str:
    answered = await inside.api.post(
        "/integrations", json=given(url, credentials={"token": TOKEN}, **members)
    )
    assert answered.status_code == 201, answered.text
    created: str = answered.json()["id"]
    return created


async def ask(inside: Inside, integration_id: str, verb: str) -> dict[str, Any]:
    answered = await inside.api.post(f"/integrations/{integration_id}/{verb}")
    assert answered.status_code == 200, answered.text
    inside.clock.move(seconds=1)
    shown: dict[str, Any] = answered.json()
    return shown


async def events(inside: Inside) -> list[dict[str, Any]]:
    """Return the published payloads, the oldest first."""
    listed = (await inside.api.get("/events")).json()["data"]
    return [(await inside.api.get(f"/events/{one['id']}")).json()["payload"] for one in reversed(listed)]


async def told(inside: Inside) -> list[str]:
    return [event["event"] for event in await events(inside)]


async def test_a_new_one_is_disconnected_and_shows_no_credentials(inside: Inside) -> None:
    body = given(credentials={"token": TOKEN})
    answered = await inside.api.post("/integrations", json=body)
    assert answered.status_code == 201
    shown = answered.json()
    assert answered.headers["location"] == f"/api/v1/integrations/{shown['id']}"
    assert (shown["status"], shown["kind"], shown["config"]) == ("disconnected", "http", body["config"])
    assert shown["credentials"] == {"token": "****"}
    read = await inside.api.get(f"/integrations/{shown['id']}")
    listed = await inside.api.get("/integrations")
    assert read.json() == listed.json()["data"][0] == shown
    assert not any(TOKEN in each.text for each in (answered, read, listed))
    assert await told(inside) == []


@pytest.mark.parametrize(
    ("kind", "config", "credentials", "paths"),
    [
        ("http", {}, {}, ["/config/base_url"]),
        ("http", {"base_url": "https://a.example", "x": 1}, {}, ["/config/x"]),
        ("http", {"base_url": "https://a.example?x=1"}, {}, ["/config"]),
        ("http", {"base_url": "https://a.example", "check_path": "../up"}, {}, ["/config"]),
        (
            "http",
            {"base_url": "https://a.example", "auth": {"type": "header"}},
            {"value": "x"},
            ["/config/auth"],
        ),
        (
            "http",
            {"base_url": "https://a.example", "auth": {"type": "bearer", "name": "x"}},
            {},
            ["/config/auth"],
        ),
        (
            "http",
            {"base_url": "https://a.example", "auth": {"type": "header", "name": "Host"}},
            {"value": "x"},
            ["/config/auth"],
        ),
        ("http", {"base_url": "https://a.example", "auth": BEARER}, {}, ["/credentials/token"]),
        ("http", {"base_url": "https://a.example", "auth": BEARER}, {"token": 7}, ["/credentials/token"]),
        (
            "http",
            {"base_url": "https://a.example", "auth": BEARER},
            {"token": "a\nb"},
            ["/credentials/token"],
        ),
        ("http", {"base_url": "https://a.example"}, {"token": "x"}, ["/credentials/token"]),
        (
            "http",
            {"base_url": "https://a.example", "auth": {"type": "basic"}},
            {"username": "a:b", "password": "c"},
            ["/credentials"],
        ),
        ("slack", {"x": 1}, {"token": "x"}, ["/config/x"]),
        ("slack", {}, {}, ["/credentials/token"]),
        ("smtp", {"host": "mail.example.com", "port": 0}, {}, ["/config/port"]),
        ("smtp", {"host": "mail.example.com"}, {"username": "a"}, ["/credentials"]),
    ],
)
async def test_members_that_do_not_fit_the_kind_are_refused(
    inside: Inside, kind: str, config: dict[str, Any], credentials: dict[str, Any], paths: list[str]
) -> None:
    body = {"name": "n", "kind": kind, "config": config, "credentials": credentials}
    assert_refused(await inside.api.post("/integrations", json=body), 422, "invalid", *paths)


@pytest.mark.parametrize(
    "member", [{"kind": "ftp"}, {"name": ""}, {"name": " "}, {"name": "a" * 65}, {"x": 1}]
)
async def test_members_that_fit_no_kind_are_refused(inside: Inside, member: dict[str, Any]) -> None:
    body = given(credentials={"token": TOKEN}) | member
    assert_refused(
        await inside.api.post("/integrations", json=body), 422, "invalid", f"/{next(iter(member))}"
    )


@pytest.mark.parametrize(
    ("kind", "config", "code"),
    [
        ("http", {"base_url": "https://10.0.0.1/"}, "blocked_destination"),
        ("http", {"base_url": "http://169.254.169.254/latest"}, "blocked_destination"),
        ("http", {"base_url": "https://[fd00:ec2::254]/"}, "blocked_destination"),
        ("http", {"base_url": "ftp://93.184.215.14/"}, "blocked_destination"),
        ("http", {"base_url": "example.com"}, "invalid_url"),
        ("smtp", {"host": "10.0.0.1", "port": 25}, "blocked_destination"),
        ("smtp", {"host": "169.254.169.254"}, "blocked_destination"),
    ],
)
async def test_what_lies_inside_of_the_network_is_refused_at_creation_and_change(
    inside: Inside, kind: str, config: dict[str, Any], code: str
) -> None:
    path = "/config/base_url" if kind == "http" else "/config/host"
    body = {"name": "n", "kind": kind, "config": config}
    assert_refused(await inside.api.post("/integrations", json=body), 422, code, path)
    right = {"base_url": "https://93.184.215.14/"} if kind == "http" else {"host": "93.184.215.14"}
    created = (await inside.api.post("/integrations", json=body | {"config": right})).json()
    changed = await inside.api.patch(f"/integrations/{created['id']}", json={"config": config})
    assert_refused(changed, 422, code, path)


async def test_a_name_is_taken_until_its_owner_is_deleted(inside: Inside) -> None:
    body = given(name="ledger", credentials={"token": TOKEN})
    first = (await inside.api.post("/integrations", json=body)).json()["id"]
    assert_refused(await inside.api.post("/integrations", json=body), 409, "conflict", "/name")
    other = await create(inside, "https://93.184.215.14/")
    assert_refused(
        await inside.api.patch(f"/integrations/{other}", json={"name": "ledger"}), 409, "conflict", "/name"
    )
    assert (await inside.api.delete(f"/integrations/{first}")).status_code == 204
    assert (await inside.api.get(f"/integrations/{first}")).status_code == 404
    assert (await inside.api.post("/integrations", json=body)).status_code == 201


@pytest.mark.parametrize(
    ("auth", "credentials", "header", "value", "query"),
    [
        ({"type": "none"}, None, "authorization", None, ""),
        (BEARER, {"token": TOKEN}, "authorization", f"Bearer {TOKEN}", ""),
        (
            {"type": "basic"},
            {"username": "ada", "password": "pwd"},
            "authorization",
            "Basic YWRhOnB3ZA==",
            "",
        ),
        ({"type": "header", "name": "X-Api-Key"}, {"value": TOKEN}, "x-api-key", TOKEN, ""),
        ({"type": "query", "name": "key"}, {"value": "a b"}, "authorization", None, "?key=a+b"),
    ],
)
async def test_a_check_carries_the_credentials(
    inside: Inside, auth: Any, credentials: Any, header: str, value: str | None, query: str
) -> None:
    async with receiver() as there:
        config = {"base_url": there.url, "check_path": "status", "auth": auth}
        body = {"name": "n", "kind": "http", "config": config, "credentials": credentials}
        created = (await inside.api.post("/integrations", json=body)).json()["id"]
        shown = await ask(inside, created, "connect")
        assert shown["status"] == "connected"
        (request,) = there.requests
        assert (request.method, request.path) == ("GET", f"/hooks/status{query}")
        assert request.headers.get(header) == value


@pytest.mark.parametrize("status", [200, 204, 302, 404, 429])
async def test_a_service_that_answers_is_connected_with_one_event(inside: Inside, status: int) -> None:
    async with receiver(answer(status, b"")) as there:
        created = await create(inside, there.url, name="ledger")
        shown = await ask(inside, created, "connect")
        again = await ask(inside, created, "connect")
    assert (shown["status"], shown["error_code"]) == ("connected", None)
    assert shown["connected_at"] == again["connected_at"] is not None
    (event,) = await events(inside)
    integration = event["data"]["integration"]
    assert event["event"] == "integration.connected"
    assert (
        integration | {"id": created, "name": "ledger", "kind": "http", "status": "connected"} == integration
    )
    assert integration["connected_at"] == "2026-01-31T09:30:00.000Z"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (answer(503), "HTTP_503"),
        (answer(500), "HTTP_500"),
        (close(), "PROTOCOL"),
        (answer(401), "CREDENTIALS_REFUSED"),
        (answer(403), "CREDENTIALS_REFUSED"),
    ],
)
async def test_a_connect_that_fails_is_an_answer_and_an_event(
    inside: Inside, script: Script, code: str
) -> None:
    async with receiver(script) as there:
        created = await create(inside, there.url)
        shown = await ask(inside, created, "connect")
        again = await ask(inside, created, "connect")
    assert (shown["status"], shown["error_code"]) == ("error", code)
    assert again["failed_at"] == shown["failed_at"] is not None
    (event,) = await events(inside)
    assert event["event"] == "integration.error"
    assert event["data"]["integration"]["status"] == "error"
    assert event["data"]["error_details"] == {"error_code": code, "error_message": shown["error_message"]}


async def test_a_connection_that_is_refused_has_its_own_code(inside: Inside) -> None:
    async with receiver() as there:
        url = there.url
    shown = await ask(inside, await create(inside, url), "connect")
    assert (shown["status"], shown["error_code"]) == ("error", "CONNECT")


async def test_a_check_tells_of_changes_and_of_nothing_else(inside: Inside) -> None:
    async with receiver(turns(answer(), answer(), answer(503), answer(502), answer(), answer(401))) as there:
        created = await create(inside, there.url)
        await ask(inside, created, "connect")
        statuses = [(await ask(inside, created, "check"))["status"] for _ in range(5)]
    assert statuses == ["connected", "error", "error", "connected", "disconnected"]
    assert await told(inside) == [
        "integration.connected",
        "integration.error",
        "integration.connected",
        "integration.disconnected",
    ]
    assert (await events(inside))[-1]["data"]["reason"] == "credentials_refused"


async def test_credentials_lost_while_it_was_in_error_disconnect_it_as_well(inside: Inside) -> None:
    async with receiver(turns(answer(), answer(503), answer(401))) as there:
        created = await create(inside, there.url)
        await ask(inside, created, "connect")
        await ask(inside, created, "check")
        assert (await ask(inside, created, "check"))["status"] == "disconnected"
    assert (await told(inside))[-1] == "integration.disconnected"


async def test_credentials_that_never_counted_leave_it_in_error(inside: Inside) -> None:
    async with receiver(answer(401)) as there:
        created = await create(inside, there.url)
        await ask(inside, created, "connect")
        assert (await ask(inside, created, "check"))["status"] == "error"
    assert await told(inside) == ["integration.error"]


async def test_a_check_of_one_that_is_disconnected_leaves_it_so(inside: Inside) -> None:
    async with receiver(turns(answer(503), answer())) as there:
        created = await create(inside, there.url)
        shown = await ask(inside, created, "check")
        assert (shown["status"], shown["error_code"]) == ("disconnected", "HTTP_503")
        shown = await ask(inside, created, "check")
        assert (shown["status"], shown["error_code"], shown["next_check_at"]) == ("disconnected", None, None)
    assert await told(inside) == []


async def test_disconnecting_is_told_once_and_ends_the_checks(inside: Inside) -> None:
    async with receiver() as there:
        created = await create(inside, there.url)
        assert (await ask(inside, created, "disconnect"))["status"] == "disconnected"
        assert await told(inside) == []
        await ask(inside, created, "connect")
        for _ in range(2):
            shown = await ask(inside, created, "disconnect")
            assert (shown["status"], shown["next_check_at"]) == ("disconnected", None)
        assert (await events(inside))[-1]["data"]["reason"] == "requested"
        assert await told(inside) == ["integration.connected", "integration.disconnected"]
        assert (await ask(inside, created, "connect"))["status"] == "connected"


async def test_deleting_one_that_is_in_use_disconnects_it(inside: Inside) -> None:
    async with receiver() as there:
        used, unused = [await create(inside, there.url) for _ in range(2)]
        await ask(inside, used, "connect")
        for integration_id in (used, unused):
            assert (await inside.api.delete(f"/integrations/{integration_id}")).status_code == 204
    assert await told(inside) == ["integration.connected", "integration.disconnected"]


async def test_changed_credentials_are_checked_soon_and_name_and_kind_stay(inside: Inside) -> None:
    async with receiver() as there:
        created = await create(inside, there.url)
        before = await ask(inside, created, "connect")
        changed = await inside.api.patch(
            f"/integrations/{created}", json={"credentials": {"token": "another"}}
        )
        assert changed.json()["name"] == before["name"]
        assert changed.json()["status"] == "connected"
        assert await check_due(inside.wiring) == 1
        assert there.requests[-1].headers["authorization"] == "Bearer another"
    assert_refused(
        await inside.api.patch(f"/integrations/{created}", json={"kind": "slack"}), 422, "invalid", "/kind"
    )
    assert_refused(
        await inside.api.patch(f"/integrations/{created}", json={"credentials": None}),
        422,
        "invalid",
        "/credentials/token",
    )
    assert_refused(
        await inside.api.patch(
            f"/integrations/{created}", json={"config": {"base_url": "https://a.example"}}
        ),
        422,
        "invalid",
        "/credentials/token",
    )


async def test_rounds_check_what_is_in_use_and_tell_of_three_changes(inside: Inside) -> None:
    async with receiver(turns(answer(), answer(), answer(500), answer(500), answer())) as there:
        created = await create(inside, there.url)
        assert await check_due(inside.wiring) == 0
        await ask(inside, created, "connect")
        for due in (1, 1, 1, 1):
            assert await check_due(inside.wiring) == 0
            inside.clock.move(seconds=331)
            assert await check_due(inside.wiring) == due
    assert await told(inside) == ["integration.connected", "integration.error", "integration.connected"]
    assert (await inside.api.get(f"/integrations/{created}")).json()["status"] == "connected"


async def test_many_checks_that_are_due_go_on_side_by_side(inside: Inside) -> None:
    release = asyncio.Event()
    waiting = 0

    async def wait(visit: Any) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 3:
            release.set()
        await release.wait()
        await answer(503)(visit)

    async with receiver() as there:
        ids = [await create(inside, there.url) for _ in range(3)]
        for integration_id in ids:
            await ask(inside, integration_id, "connect")
    inside.clock.move(seconds=400)
    async with receiver(wait) as there:
        for integration_id in ids:
            config = {"base_url": there.url, "auth": BEARER}
            await inside.api.patch(f"/integrations/{integration_id}", json={"config": config})
        assert await check_due(inside.wiring) == 3
    assert sorted(await told(inside)) == ["integration.connected"] * 3 + ["integration.error"] * 3


async def test_two_connects_at_once_have_one_event(inside: Inside) -> None:
    async with receiver() as there:
        created = await create(inside, there.url)
        path = f"/integrations/{created}/connect"
        answers = await asyncio.gather(*(inside.api.post(path) for _ in range(4)))
    assert [each.json()["status"] for each in answers] == ["connected"] * 4
    assert await told(inside) == ["integration.connected"]


@pytest.mark.parametrize("verb", ["connect", "check"])
async def test_what_is_found_with_credentials_that_were_replaced_counts_for_nothing(
    inside: Inside, verb: str
) -> None:
    async with receiver(hang()) as there:
        created = await create(inside, there.url)
        asking = asyncio.create_task(inside.api.post(f"/integrations/{created}/{verb}"))
        await eventually(lambda: there.requests, what="the service is asked")
        body = {"credentials": {"token": "another"}}
        assert (await inside.api.patch(f"/integrations/{created}", json=body)).status_code == 200
    answered = await asking
    if verb == "connect":
        assert_refused(answered, 409, "conflict")
    else:
        assert answered.json()["checked_at"] is None
    assert await told(inside) == []


async def test_one_that_is_deleted_while_it_is_checked_is_not_there(inside: Inside) -> None:
    async with receiver(hang()) as there:
        created = await create(inside, there.url)
        asking = asyncio.create_task(inside.api.post(f"/integrations/{created}/connect"))
        await eventually(lambda: there.requests, what="the service is asked")
        assert (await inside.api.delete(f"/integrations/{created}")).status_code == 204
    assert_refused(await asking, 404, "not_found")


async def test_an_idempotent_connect_is_carried_out_once(inside: Inside) -> None:
    async with receiver() as there:
        created = await create(inside, there.url)
        headers = {"Idempotency-Key": "k"}
        answers = [
            await inside.api.post(f"/integrations/{created}/connect", headers=headers) for _ in range(2)
        ]
        assert answers[0].json() == answers[1].json()
        assert answers[1].headers["idempotent-replayed"] == "true"
        assert len(there.requests) == 1


async def test_secrets_stand_in_no_log(inside: Inside, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiver(answer(503)) as there:
        config = {"base_url": there.url, "auth": {"type": "query", "name": "key"}}
        body = {"name": "n", "kind": "http", "config": config, "credentials": {"value": TOKEN}}
        created = (await inside.api.post("/integrations", json=body)).json()["id"]
        shown = await ask(inside, created, "connect")
        assert TOKEN in there.requests[0].path
    assert TOKEN not in str(shown)
    assert TOKEN not in caplog.text


async def test_the_list_can_be_filtered_by_status(inside: Inside) -> None:
    async with receiver() as there:
        created = await create(inside, there.url)
        await create(inside, there.url)
        await ask(inside, created, "connect")
    listed = (await inside.api.get("/integrations", params={"status": "connected"})).json()["data"]
    assert [one["id"] for one in listed] == [created]
    assert_refused(await inside.api.get("/integrations", params={"status": "x"}), 422, "invalid", "?status")
