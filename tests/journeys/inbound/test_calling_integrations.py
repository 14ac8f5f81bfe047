"""Handlers that call a service through an integration: what arrives there, and what of it the handler can see."""

import asyncio
import itertools
import os
from typing import Any

import pytest

from tests.eventually import eventually
from tests.journeys.inbound.deployments import (
    Deployed,
    deploy,
    log_of,
    make_workspace,
    session_of,
)
from tests.mail_houses import mail_house
from tests.receivers import Receiver, Visit, answer, close, hang, receiver, redirect, turns
from tests.services import Service

SECRET = "correct-horse-battery-staple"

numbers = itertools.count(1)

MANIFEST = """
    version: v2
    project:
      name: NAME
    triggers:
      - name: call
        type: webhook
        call: program.py:call
        is_sync: true
      - name: durable
        type: webhook
        call: program.py:durable
        is_durable: true
      - name: uncaught
        type: webhook
        call: program.py:uncaught
      - name: look
        type: webhook
        call: program.py:look
        is_sync: true
"""

PROGRAM = """
    from aetherflow import IntegrationError, http_outcome, integration, sleep


    def call(event):
        wanted = event.body.json
        try:
            answer = integration(wanted["name"]).request(wanted["method"], wanted["path"], **wanted["options"])
        except (IntegrationError, ValueError) as error:
            http_outcome(200, json={"type": type(error).__name__, "message": str(error), **vars(error)})
        else:
            http_outcome(200, json={"status": answer.status_code, "headers": answer.headers, "text": answer.text})


    def durable(event):
        answer = integration(event.body.json["name"]).post("/orders", json={"once": True})
        sleep(4)
        try:
            integration(event.body.json["name"]).get("/broken", timeout=20)
        except IntegrationError as error:
            print(answer.status_code, error.error_code, error.retry_count)


    def uncaught(event):
        try:
            integration(event.body.json["name"]).get("/anything")
        except IntegrationError as error:
            raise RuntimeError("the ledger cannot be asked") from error


    def look(event):
        integration(event.body.json["name"]).get("/")
        first, second = (half.encode() for half in event.body.json["halves"])
        found = 0
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
            for line in maps:
                span, rights = line.split()[:2]
                begin, end = (int(number, 16) for number in span.split("-"))
                if rights.startswith("rw"):
                    memory.seek(begin)
                    content = memory.read(end - begin)
                    place = content.find(first)
                    while place >= 0:
                        found += content.startswith(second, place + len(first))
                        place = content.find(first, place + 1)
        http_outcome(200, json={"found": found})
"""


MAIL_MANIFEST = """
    version: v2
    project:
      name: NAME
    triggers:
      - name: call
        type: webhook
        call: program.py:call
        is_sync: true
"""

MAILING = """
    from aetherflow import integration


    def raised_by(action):
        try:
            action()
        except Exception as error:
            return type(error).__name__


    def call(event):
        post = integration(event.body.json["name"])
        refused = post.send_email(to="bob@example.com", subject="hello", text="Hello, Bob.", html="<p>Hello")
        return {
            "refused": refused,
            "http": raised_by(lambda: post.get("/")),
            "header": raised_by(lambda: post.send_email(to="b@example.com", subject="a\\nBcc: c@d.e", text="x")),
        }
"""


@pytest.fixture
def deployed(service: Service) -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


async def store(service: Service, url: str, *, connected: bool = True, **auth: Any) -> tuple[str, str]:
    """Store an integration with a bearer token, unless told otherwise; returns its id and its name."""
    name = f"ledger {next(numbers)}"
    config = {"base_url": url, "check_path": "health", "auth": auth or {"type": "bearer"}}
    credentials = {"value": SECRET} if auth else {"token": SECRET}
    body = {"name": name, "kind": "http", "config": config, "credentials": credentials}
    made = (await asyncio.to_thread(service.api.post, "/integrations", json=body)).raise_for_status().json()
    if connected:
        shown = await asyncio.to_thread(service.api.post, f"/integrations/{made['id']}/connect")
        assert shown.json()["status"] == "connected", shown.text
    return made["id"], name


async def call(
    deployed: Deployed, name: str, method: str = "GET", path: str = "orders", **options: Any
) -> dict[str, Any]:
    """Have the handler send a request, and return what it has seen of the answer."""
    body = {"name": name, "method": method, "path": path, "options": options}
    answered = await asyncio.to_thread(deployed.call, "call", json=body)
    assert answered.status_code == 200, answered.text
    seen: dict[str, Any] = answered.json()
    return seen


async def status_of(service: Service, integration_id: str) -> str:
    shown = await asyncio.to_thread(service.api.get, f"/integrations/{integration_id}")
    status: str = shown.json()["status"]
    return status


def requests_of(there: Receiver) -> list[tuple[str, str]]:
    """Return what handlers asked for, without the checks."""
    return [(one.method, one.path) for one in there.requests if not one.path.startswith("/hooks/health")]


async def test_a_request_arrives_with_the_credentials_and_its_answer_comes_back(deployed: Deployed) -> None:
    script = answer(201, b'{"id": 7}', headers={"Content-Type": "application/json", "X-Kept": "yes"})
    async with receiver(script) as there:
        _, name = await store(deployed.service, there.url)
        seen = await call(
            deployed,
            name,
            "POST",
            "/orders?draft=1",
            query={"q": "ä b"},
            json={"n": 1},
            headers={"X-Own": "1"},
        )
        request = there.requests[-1]
    assert (seen["status"], seen["text"], seen["headers"]["X-Kept"]) == (201, '{"id": 7}', "yes")
    assert (request.method, request.path) == ("POST", "/hooks/orders?draft=1&q=%C3%A4+b")
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    # Should it have been a trigger of this service, that would know how far it has come.
    assert request.headers["x-aetherflow-hops"] == "1"
    assert (request.headers["x-own"], request.headers["content-type"]) == ("1", "application/json")
    assert request.body == b'{"n":1}'


@pytest.mark.parametrize("kind", ["header", "query"])
async def test_credentials_can_go_elsewhere_and_nobody_else_sets_them(deployed: Deployed, kind: str) -> None:
    async with receiver() as there:
        _, name = await store(deployed.service, there.url, type=kind, name="key")
        await call(deployed, name)
        request = there.requests[-1]
        own = {"headers": {"Key": "own"}} if kind == "header" else {"query": {"key": "own"}}
        refused = await call(deployed, name, **own)
        assert refused["type"] == "ValueError"
    assert request.headers.get("key") == (SECRET if kind == "header" else None)
    assert request.path == ("/hooks/orders" if kind == "header" else f"/hooks/orders?key={SECRET}")


async def test_the_handler_s_process_never_holds_the_credentials(deployed: Deployed) -> None:
    async def echo(visit: Visit) -> None:
        assert visit.request is not None
        await answer(302, headers={"Location": f"/?was={SECRET}", "X-Echo": f"Bearer {SECRET}"})(visit)

    async with receiver(echo) as there:
        _, name = await store(deployed.service, there.url)
        seen = await call(deployed, name)
        assert seen["headers"] == seen["headers"] | {"Location": "/?was=****", "X-Echo": "Bearer ****"}
        half = len(SECRET) // 2
        # In halves, or its memory would hold it by the event.
        body = {"name": name, "halves": [SECRET[:half], SECRET[half:]]}
        answered = await asyncio.to_thread(deployed.call, "look", json=body)
    assert answered.json() == {"found": 0}


async def test_no_redirect_is_followed(deployed: Deployed) -> None:
    async with receiver() as elsewhere, receiver(redirect(elsewhere.url)) as there:
        _, name = await store(deployed.service, there.url)
        assert (await call(deployed, name))["status"] == 302
        assert elsewhere.requests == []


@pytest.mark.parametrize("path", ["https://example.com/", "//example.com/", "../up", "a/%2e%2e/b"])
async def test_no_path_leads_out_of_the_base_url(deployed: Deployed, path: str) -> None:
    async with receiver() as there:
        _, name = await store(deployed.service, there.url)
        assert (await call(deployed, name, path=path))["type"] == "ValueError"
        assert requests_of(there) == []


async def test_what_fails_for_a_moment_is_tried_again(deployed: Deployed) -> None:
    script = turns(
        answer(), answer(503), answer(429, headers={"Retry-After": "1"}), close(), answer(200, b"at last")
    )
    async with receiver(script) as there:
        _, name = await store(deployed.service, there.url)
        assert (await call(deployed, name))["text"] == "at last"
        assert len(requests_of(there)) == 4
        pause = there.requests[-2].arrived_at - there.requests[-3].arrived_at
        assert pause >= 0.99


@pytest.mark.parametrize(
    ("method", "script", "code", "tries"),
    [
        ("GET", answer(503), "HTTP_503", 4),
        ("POST", answer(503), "HTTP_503", 4),
        ("GET", answer(500), "HTTP_500", 4),
        ("POST", answer(500), "HTTP_500", 1),
        ("POST", answer(502), "HTTP_502", 1),
        ("GET", answer(501), "HTTP_501", 1),
        ("GET", answer(429, headers={"Retry-After": "3600"}), "HTTP_429", 1),
        ("DELETE", close(), "PROTOCOL", 4),
        ("PATCH", close(), "PROTOCOL", 1),
        ("GET", hang(), "TIMEOUT", 4),
        ("POST", hang(), "TIMEOUT", 1),
        ("GET", answer(200, bytes(5 * 1024 * 1024 + 1)), "TOO_LARGE", 1),
    ],
)
async def test_what_goes_on_failing_is_an_error_with_its_code(
    deployed: Deployed, method: str, script: Any, code: str, tries: int
) -> None:
    async with receiver(turns(answer(), script)) as there:
        integration_id, name = await store(deployed.service, there.url)
        seen = await call(deployed, name, method, timeout=0.3 if code == "TIMEOUT" else 10)
        assert len(requests_of(there)) == tries
    assert seen == seen | {
        "type": "IntegrationError",
        "integration": name,
        "error_code": code,
        "retry_count": tries - 1,
    }
    assert SECRET not in str(seen)
    assert await status_of(deployed.service, integration_id) == "connected"


async def test_a_request_that_was_made_repeatable_is_repeated(deployed: Deployed) -> None:
    async with receiver(turns(answer(), close(), answer())) as there:
        _, name = await store(deployed.service, there.url)
        seen = await call(deployed, name, "POST", headers={"Idempotency-Key": "k"})
    assert seen["status"] == 200


async def test_a_service_that_is_gone_has_been_tried_four_times(deployed: Deployed) -> None:
    async with receiver() as there:
        _, name = await store(deployed.service, there.url)
    seen = await call(deployed, name, "POST")
    assert (seen["error_code"], seen["retry_count"]) == ("CONNECT", 3)


async def test_a_body_of_five_mebibytes_comes_whole(deployed: Deployed) -> None:
    body = bytes(b"x" * (5 * 1024 * 1024))
    async with receiver(turns(answer(), answer(200, body))) as there:
        _, name = await store(deployed.service, there.url)
        assert len((await call(deployed, name))["text"]) == len(body)


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_disconnect_it_once(deployed: Deployed, status: int) -> None:
    async with receiver(turns(answer(), answer(status))) as there:
        integration_id, name = await store(deployed.service, there.url)
        seen = await asyncio.gather(*(call(deployed, name) for _ in range(3)))
        assert status in [one.get("status") for one in seen]
        assert await status_of(deployed.service, integration_id) == "disconnected"
        later = await call(deployed, name)
    assert (later["error_code"], later["retry_count"]) == ("NOT_CONNECTED", 0)
    listed = await asyncio.to_thread(
        deployed.service.api.get, "/events", params={"event": "integration.disconnected"}
    )
    shown = [
        (await asyncio.to_thread(deployed.service.api.get, f"/events/{one['id']}")).json()["payload"]["data"]
        for one in listed.json()["data"]
    ]
    ours = [one for one in shown if one["integration"]["id"] == integration_id]
    assert [one["reason"] for one in ours] == ["credentials_refused"]


async def test_what_is_unknown_disconnected_or_another_workspace_s_cannot_be_called(
    deployed: Deployed,
) -> None:
    async with receiver() as there:
        _, name = await store(deployed.service, there.url, connected=False)
        body = {"name": "theirs", "kind": "http", "config": {"base_url": there.url, "check_path": "health"}}
        with make_workspace(deployed.service) as stranger:
            theirs = (await asyncio.to_thread(stranger.post, "/integrations", json=body)).json()["id"]
            await asyncio.to_thread(stranger.post, f"/integrations/{theirs}/connect")
            for asked in (name, "theirs", "nobody's"):
                assert (await call(deployed, asked))["error_code"] == "NOT_CONNECTED"
        assert requests_of(there) == []


async def test_a_durable_session_asks_once_and_remembers_answers_and_failures(deployed: Deployed) -> None:
    async with receiver(turns(answer(), answer(201), answer(503))) as there:
        _, name = await store(deployed.service, there.url)
        started = await asyncio.to_thread(deployed.call, "durable", json={"name": name})
        session = await asyncio.to_thread(session_of, deployed.service, started)
        asked = requests_of(there)
    assert session["status"] == "completed", session
    assert asked == [("POST", "/hooks/orders")] + [("GET", "/hooks/broken")] * 4
    log = await asyncio.to_thread(log_of, deployed.service, session["id"])
    assert [entry["text"] for entry in log if entry["kind"] == "print"] == ["201 HTTP_503 3"]


async def test_others_work_while_an_answer_is_awaited(deployed: Deployed) -> None:
    release = asyncio.Event()

    async def wait(visit: Visit) -> None:
        await release.wait()
        await answer()(visit)

    async with receiver(turns(answer(), wait)) as there:
        _, name = await store(deployed.service, there.url)
        # More than have a place at the same time.
        most = 3 * (os.cpu_count() or 1)
        calls = [asyncio.create_task(call(deployed, name)) for _ in range(most)]
        await eventually(lambda: len(requests_of(there)) == most, what="all have asked")
        release.set()
        assert [one["status"] for one in await asyncio.gather(*calls)] == [200] * most


async def test_a_session_that_is_stopped_does_not_wait_for_the_answer(deployed: Deployed) -> None:
    async with receiver(turns(answer(), hang())) as there:
        _, name = await store(deployed.service, there.url)
        started = await asyncio.to_thread(deployed.call, "uncaught", json={"name": name})
        await eventually(lambda: requests_of(there), what="the service is asked")
        path = f"/sessions/{started.headers['aetherflow-session-id']}/stop"
        assert (await asyncio.to_thread(deployed.service.api.post, path)).status_code == 202
        session = await asyncio.to_thread(session_of, deployed.service, started)
        assert session["status"] == "stopped"


async def test_what_becomes_of_a_service_is_found_out_and_told_by_itself(service: Service) -> None:
    async def play(visit: Visit) -> None:
        assert visit.request is not None
        await answer(503 if visit.request.path.endswith("broken") else 200)(visit)

    async def look_at(path: str) -> None:
        config = {"base_url": there.url, "check_path": path, "auth": {"type": "bearer"}}
        changed = await asyncio.to_thread(
            service.api.patch, f"/integrations/{integration_id}", json={"config": config}
        )
        assert changed.status_code == 200

    async def is_now(status: str) -> bool:
        return await status_of(service, integration_id) == status

    async with receiver(play) as there:
        integration_id, name = await store(service, there.url)
        await look_at("broken")
        await eventually(lambda: is_now("error"), what="the failure is found")
        await look_at("health")
        await eventually(lambda: is_now("connected"), what="the recovery is found")
    listed = await asyncio.to_thread(service.api.get, "/events", params={"limit": 100})
    ids = [one["id"] for one in listed.json()["data"] if one["event"].startswith("integration.")]
    shown = [(await asyncio.to_thread(service.api.get, f"/events/{one}")).json()["payload"] for one in ids]
    ours = [one["event"] for one in shown if one["data"]["integration"]["name"] == name]
    assert ours == ["integration.connected", "integration.error", "integration.connected"]


async def test_a_failure_that_is_not_caught_says_what_it_was(deployed: Deployed) -> None:
    async with receiver(turns(answer(), answer(503))) as there:
        _, name = await store(deployed.service, there.url)
        started = await asyncio.to_thread(deployed.call, "uncaught", json={"name": name})
        session = await asyncio.to_thread(session_of, deployed.service, started)
    assert (session["status"], session["error"]) == ("failed", "RuntimeError: the ledger cannot be asked")
    failed = await eventually(
        lambda: failed_event(deployed.service, session["id"]), what="the failure is published"
    )
    assert failed["error_details"] == failed["error_details"] | {
        "integration": name,
        "error_code": "HTTP_503",
        "retry_count": 3,
    }


async def failed_event(service: Service, session_id: str) -> dict[str, Any] | None:
    """Return the data of the event that tells of a session's failure."""
    listed = await asyncio.to_thread(service.api.get, "/events", params={"event": "workflow.failed"})
    for one in listed.json()["data"]:
        data: dict[str, Any] = (await asyncio.to_thread(service.api.get, f"/events/{one['id']}")).json()[
            "payload"
        ]["data"]
        if session_id in str(data):
            return data
    return None


async def test_a_mail_goes_out_by_the_account_of_the_integration(service: Service) -> None:
    deployed = await asyncio.to_thread(
        deploy, service, {"aetherflow.yaml": MAIL_MANIFEST, "program.py": MAILING}
    )
    async with mail_house() as house:
        config = {"host": "127.0.0.1", "port": house.port, "tls": False}
        credentials = {"username": "ada@example.com", "password": SECRET}
        name = f"post {next(numbers)}"
        body = {"name": name, "kind": "smtp", "config": config, "credentials": credentials}
        made = (
            (await asyncio.to_thread(service.api.post, "/integrations", json=body)).raise_for_status().json()
        )
        shown = await asyncio.to_thread(service.api.post, f"/integrations/{made['id']}/connect")
        assert shown.json()["status"] == "connected"
        answered = await asyncio.to_thread(deployed.call, "call", json={"name": name})
        assert answered.json() == {"refused": [], "http": "ValueError", "header": "ValueError"}
        (sent,) = [line for line in house.heard if "Hello, Bob" in line]
        assert "From: ada@example.com\r\nTo: bob@example.com\r\nSubject: hello\r\n" in sent
        house.answers["AUTH"] = "535 no\r\n"
        failed = await asyncio.to_thread(deployed.call, "call", json={"name": name})
    assert failed.status_code == 500
    assert await status_of(service, made["id"]) == "disconnected"
