"""One attempt: the exact bytes that are sent, what is recorded of them, and what follows from the answer."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.rules.lifecycle import Outcome
from app.store.hot.contract import Settlement, Work
from delivery.endpoints import EndpointBook
from delivery.sender import Sender
from delivery.transport import Transport
from tests.outbound.sites import Site
from tests.receivers import Script, Visit, answer, close, hang, message, receiver

NOW = datetime(2026, 1, 31, 9, 30, 0, 500_000, tzinfo=UTC)
UNIX_SECONDS = 1769851800

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Kit:
    """A sender at a fixed time, and the endpoint of a test."""

    def __init__(self, site: Site, transport: Transport) -> None:
        self.site = site
        wiring = site.wiring
        self.sender = Sender(transport, clock=lambda: NOW, fraction=lambda: 0.5)
        self.book = EndpointBook(
            wiring.database, keyring=wiring.keyring, egress=wiring.egress, user_agent="Tests/1"
        )

    async def attempt(
        self, url: str, *, number: int = 1, single_try: bool = False, test: bool = False, **members: object
    ) -> tuple[Settlement, Outcome]:
        endpoint_id = await self.site.register(url, secret=SECRET, **members)
        endpoint = await self.book.load(endpoint_id)
        assert endpoint is not None
        work = Work(
            workspace_id=self.site.workspace_id,
            delivery_id="dlv_1",
            event_id="evt_1",
            event_type="order.placed",
            endpoint_id=endpoint_id,
            body=b'{"event":"order.placed"}',
            number=number,
            single_try=single_try,
            hops=0,
            test=test,
            token=7,
            leased_until=NOW,
        )
        return await self.sender.attempt(work, endpoint)


# What is sent and decided does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def kit(site: Site) -> AsyncIterator[Kit]:
    transport = Transport(site.wiring.egress)
    yield Kit(site, transport)
    await transport.close()


def note_head(heads: list[bytes]) -> Script:
    async def play(visit: Visit) -> None:
        heads.append(await visit.reader.readuntil(b"\r\n\r\n"))
        await visit.reader.readexactly(24)
        await visit.write(message(200))

    return play


def signature(body: bytes) -> bytes:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest().encode()


def standard_signature(body: bytes) -> bytes:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = b"evt_1.%d.%b" % (UNIX_SECONDS, body)
    return b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())


async def test_the_head_of_a_request_is_exactly_this(kit: Kit) -> None:
    heads: list[bytes] = []
    async with receiver(note_head(heads), reads=False) as there:
        settlement, _ = await kit.attempt(there.url, headers={"X-Team": "billing"}, number=3)
    body = b'{"event":"order.placed"}'
    lines = [
        b"POST /hooks HTTP/1.1",
        b"Host: 127.0.0.1:%d" % there.port,
        b"content-type: application/json",
        b"user-agent: Tests/1",
        b"X-Team: billing",
        b"X-AetherFlow-Signature: " + signature(body),
        b"webhook-id: evt_1",
        b"webhook-timestamp: %d" % UNIX_SECONDS,
        b"webhook-signature: " + standard_signature(body),
        b"X-AetherFlow-Event: order.placed",
        b"X-AetherFlow-Delivery: dlv_1",
        b"X-AetherFlow-Attempt: 3",
        b"content-length: 24",
        b"",
        b"",
    ]
    assert heads == [b"\r\n".join(lines)]
    assert settlement.request_headers == heads[0].replace(b"billing", b"********")


async def test_a_test_is_marked(kit: Kit) -> None:
    async with receiver() as there:
        await kit.attempt(there.url, test=True)
        await kit.attempt(there.url)
    assert [request.headers.get("x-aetherflow-test") for request in there.requests] == ["true", None]


async def test_an_endpoint_gets_the_signatures_it_asked_for_and_no_others(kit: Kit) -> None:
    async with receiver() as there:
        for schemes in (["aetherflow"], ["v1"], ["v1a"], ["aetherflow", "v1", "v1a"]):
            await kit.attempt(there.url, schemes=schemes)
    signed = [
        (
            "x-aetherflow-signature" in request.headers,
            [entry.split(",")[0] for entry in request.headers.get("webhook-signature", "").split()],
        )
        for request in there.requests
    ]
    assert signed == [(True, []), (False, ["v1"]), (False, ["v1a"]), (True, ["v1", "v1a"])]


async def test_a_success_is_recorded_with_what_came_back(kit: Kit) -> None:
    async with receiver(answer(201, b"made", headers={"X-Id": "7"})) as there:
        settlement, outcome = await kit.attempt(there.url)
    assert outcome is Outcome.SUCCEEDED
    assert (settlement.status, settlement.reason, settlement.result) == ("succeeded", None, "2xx")
    assert (settlement.status_code, settlement.response_body) == (201, b"made")
    assert b"X-Id: 7\r\n" in settlement.response_headers
    assert (settlement.started_at, settlement.finished_at) == (NOW, NOW)
    assert (settlement.token, settlement.number, settlement.peer) == (7, 1, f"127.0.0.1:{there.port}")
    assert settlement.key_id is not None
    assert settlement.key_id.startswith("sec_")
    assert settlement.connect_ms is not None
    assert settlement.first_byte_ms is not None
    assert settlement.first_byte_ms <= settlement.duration_ms


async def test_a_failure_is_due_again_by_the_schedule(kit: Kit) -> None:
    async with receiver(answer(500)) as there:
        for number, pause in ((1, 10.0), (2, 20.0), (3, 20.0)):
            settlement, outcome = await kit.attempt(
                there.url, number=number, max_retries=3, retry_schedule=[10, 20]
            )
            assert outcome is Outcome.RETRY
            assert (settlement.status, settlement.finished_at) == ("pending", None)
            assert settlement.due_at == NOW + timedelta(seconds=pause)


async def test_a_failure_of_the_last_try_is_final(kit: Kit) -> None:
    async with receiver(answer(500)) as there:
        settlement, _ = await kit.attempt(there.url, number=4)
        assert (settlement.status, settlement.reason) == ("failed", "retries_exhausted")
        settlement, _ = await kit.attempt(there.url, number=1, max_retries=0)
        assert (settlement.status, settlement.reason) == ("failed", "retries_exhausted")
        assert settlement.finished_at == NOW


async def test_a_single_try_is_not_repeated(kit: Kit) -> None:
    async with receiver(answer(500)) as there:
        settlement, _ = await kit.attempt(there.url, single_try=True)
    assert (settlement.status, settlement.reason) == ("failed", "single_attempt")


@pytest.mark.parametrize(
    ("status", "retry_after", "pause"),
    [
        (429, "120", 120),
        (503, "120", 120),
        (503, "Sat, 31 Jan 2026 09:40:00 GMT", 599.5),
        (429, "1", 10),
        (429, "999999", 86_400),
        (429, "-5", 10),
        (429, "soon", 10),
        (500, "120", 10),
        (404, "120", 10),
        (302, "120", 10),
    ],
)
async def test_retry_after_counts_with_429_and_503_alone_and_only_postpones(
    kit: Kit, status: int, retry_after: str, pause: float
) -> None:
    async with receiver(answer(status, headers={"Retry-After": retry_after})) as there:
        settlement, _ = await kit.attempt(there.url)
    assert settlement.status == "pending"
    assert (settlement.due_at - NOW).total_seconds() == pause


async def test_a_receiver_can_end_the_retries(kit: Kit) -> None:
    async with receiver(answer(500, headers={"Webhook-Delivery": "abort-message"})) as there:
        settlement, outcome = await kit.attempt(there.url)
    assert outcome is Outcome.FAILED
    assert (settlement.status, settlement.reason) == ("failed", "aborted")


async def test_a_receiver_can_say_that_it_is_gone(kit: Kit) -> None:
    async with receiver(answer(410)) as there:
        settlement, outcome = await kit.attempt(there.url)
    assert outcome is Outcome.FAILED_AND_GONE
    assert (settlement.status, settlement.reason) == ("failed", "gone")


async def test_a_success_ends_a_delivery_whatever_else_it_says(kit: Kit) -> None:
    headers = {"Webhook-Delivery": "abort-message", "Retry-After": "60"}
    async with receiver(answer(200, headers=headers)) as there:
        settlement, outcome = await kit.attempt(there.url)
    assert (outcome, settlement.status) == (Outcome.SUCCEEDED, "succeeded")


@pytest.mark.parametrize(
    ("script", "result"),
    [(hang(), "timeout"), (close(), "protocol"), (close(b"HTTP/1.1 200 OK\r\nContent-Le"), "protocol")],
    ids=["hangs", "hangs up", "hangs up halfway"],
)
async def test_no_answer_is_a_failure_with_a_sentence_for_the_log(
    kit: Kit, script: Script, result: str
) -> None:
    async with receiver(script) as there:
        async with asyncio.timeout(20):
            settlement, outcome = await kit.attempt(there.url, timeout_seconds=0.3)
    assert (outcome, settlement.status, settlement.result) == (Outcome.RETRY, "pending", result)
    assert settlement.status_code is None
    assert settlement.error


async def test_a_destination_that_is_not_allowed_is_a_failure_without_a_request(kit: Kit) -> None:
    settlement, outcome = await kit.attempt("http://192.168.0.1/hooks")
    assert (outcome, settlement.result, settlement.status) == (Outcome.RETRY, "blocked", "pending")
    assert settlement.peer is None
    assert settlement.error
    assert "192.168" not in settlement.error
