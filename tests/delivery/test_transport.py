"""Requests to receivers of every kind: what the transport says about each, and that it never raises."""

import asyncio
import gzip

import pytest

from app.rules.lifecycle import ResultClass
from delivery.responses import BODY_KEPT_BYTES, RESPONSE_LIMIT_BYTES
from tests.delivery.posting import PATIENT_SECONDS, SHORT_SECONDS, poster
from tests.receivers import (
    Script,
    Visit,
    answer,
    close,
    drip,
    endless,
    fast_receiver,
    hang,
    message,
    raw,
    receiver,
    redirect,
    reset,
    turns,
)

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

OK = b"HTTP/1.1 200 OK\r\n"


async def test_a_request_arrives_as_it_was_given_and_its_answer_comes_back() -> None:
    reply = answer(200, b"thanks", headers={"Content-Type": "text/plain"})
    async with receiver(reply) as there, poster() as here:
        got = await here.post(there.url, b'{"event":"invoice.paid"}')
    assert there.requests[0].body == b'{"event":"invoice.paid"}'
    assert there.requests[0].headers["host"] == f"127.0.0.1:{there.port}"
    assert (got.result, got.status_code, got.error) == (ResultClass.SUCCESS, 200, None)
    assert got.response_headers == b"Content-Type: text/plain\r\nContent-Length: 6\r\n"
    assert (got.response_body, got.response_truncated) == (b"thanks", False)
    assert got.peer == f"127.0.0.1:{there.port}"


async def test_times_of_a_request_are_in_order() -> None:
    async with receiver() as there, poster() as here:
        got = await here.post(there.url)
    assert got.connect_ms is not None
    assert got.first_byte_ms is not None
    assert 0 < got.connect_ms < got.first_byte_ms <= got.duration_ms
    assert got.tls_ms is None


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (202, ResultClass.SUCCESS),
        (404, ResultClass.CLIENT_ERROR),
        (429, ResultClass.TOO_MANY_REQUESTS),
        (503, ResultClass.SERVER_ERROR),
    ],
)
async def test_the_status_decides_the_result(status: int, result: ResultClass) -> None:
    async with receiver(answer(status)) as there, poster() as here:
        got = await here.post(there.url)
    assert (got.result, got.status_code, got.error) == (result, status, None)


async def test_a_redirect_is_a_result_and_is_not_followed() -> None:
    async with receiver() as elsewhere, receiver(redirect(elsewhere.url)) as there, poster() as here:
        got = await here.post(there.url)
        assert (got.result, got.status_code) == (ResultClass.REDIRECT, 302)
        assert (elsewhere.requests, len(there.requests)) == ([], 1)


async def test_retry_after_and_abort_are_read_from_the_answer() -> None:
    headers = {"Retry-After": "120", "Webhook-Delivery": "abort-message"}
    async with receiver(turns(answer(503, headers=headers), answer(503))) as there, poster() as here:
        first, second = await here.post(there.url), await here.post(there.url)
    assert (first.retry_after, first.abort) == ("120", True)
    assert (second.retry_after, second.abort) == (None, False)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (hang(), "no answer within the time-out"),
        (hang(b"HTTP/1.1 200"), "the answer did not end within the time-out"),
        (hang(OK + b"Content-Length: 9\r\n\r\nok"), "the answer did not end within the time-out"),
        (drip(b"", OK + b"X: " + b"y" * 999), "the answer did not end within the time-out"),
        (drip(OK + b"Content-Length: 999\r\n\r\n", b"y" * 999), "the answer did not end within the time-out"),
        (drip(OK + b"\r\n", b"y" * 999), "the answer did not end within the time-out"),
    ],
    ids=["silence", "half a head", "half a body", "dripping head", "dripping body", "dripping unframed body"],
)
async def test_an_answer_that_does_not_end_in_time_is_a_timeout(script: Script, error: str) -> None:
    async with receiver(script) as there, poster() as here:
        got = await here.post(there.url, timeout_seconds=SHORT_SECONDS)
    assert (got.result, got.error) == (ResultClass.TIMEOUT, error)
    # Only a whole answer may stop retries or put them off.
    assert (got.status_code, got.retry_after, got.abort) == (None, None, False)


async def test_the_receiver_sees_the_connection_end_when_the_time_is_up() -> None:
    hung_up = asyncio.Event()

    async def wait_for_end(visit: Visit) -> None:
        await visit.reader.read()
        hung_up.set()

    async with receiver(wait_for_end) as there, poster() as here:
        await here.post(there.url, timeout_seconds=SHORT_SECONDS)
        await hung_up.wait()


async def test_a_receiver_that_never_reads_is_a_timeout() -> None:
    async with receiver(hang(), reads=False) as there, poster() as here:
        got = await here.post(there.url, b"x" * 50_000_000, timeout_seconds=SHORT_SECONDS)
    assert (got.result, got.error) == (ResultClass.TIMEOUT, "no answer within the time-out")


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (close(), "the connection was closed before an answer came"),
        (reset(), "the connection was reset before an answer came"),
        (close(b"HTTP/1.1 2"), "the connection was closed in the middle of the answer"),
        (close(OK + b"Content-Length: 9\r\n\r\nok"), "the connection was closed in the middle of the answer"),
        (raw(b"SSH-2.0-OpenSSH_9.9\r\n"), "the answer is not valid HTTP/1.1 (Expected HTTP/, RTSP/ or ICE/)"),
        (
            raw(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
            "the answer has the status 101, which cannot end an exchange",
        ),
        (
            raw(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!"),
            "the answer is not valid HTTP/1.1 (Duplicate Content-Length)",
        ),
        (
            raw(OK + b"Content-Length: -2\r\n\r\nok"),
            "the answer is not valid HTTP/1.1 (Invalid character in Content-Length)",
        ),
        (
            raw(OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n"),
            "the answer is not valid HTTP/1.1 (Invalid character in chunk size)",
        ),
        (endless(OK, b"X-Bomb: " + b"x" * 5000 + b"\r\n"), "the head of the answer is over 64 KiB"),
        (endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100), "the head of the answer is over 64 KiB"),
    ],
    ids=[
        "closed",
        "reset",
        "closed in the head",
        "closed in the body",
        "garbage",
        "switching protocols",
        "two lengths",
        "negative length",
        "bad chunk size",
        "endless head",
        "endless informational answers",
    ],
)
async def test_what_is_no_answer_is_a_protocol_error(script: Script, error: str) -> None:
    async with receiver(script) as there, poster() as here:
        got = await here.post(there.url)
    assert (got.result, got.status_code, got.error) == (ResultClass.PROTOCOL, None, error)


@pytest.mark.parametrize("script", [close(), reset(), close(b"HTTP/1.1 2")])
async def test_a_request_is_written_once_even_on_a_connection_that_was_kept(script: Script) -> None:
    async with receiver(turns(answer(200), script)) as there, poster() as here:
        await here.post(there.url)
        got = await here.post(there.url)
        assert got.result is ResultClass.PROTOCOL
        assert (len(there.requests), there.connections) == (2, 1)


@pytest.mark.parametrize(
    "script",
    [
        endless(OK + b"\r\n", b"x" * 5000),
        endless(OK + b"Content-Length: 100000000\r\n\r\n", b"x" * 5000),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
    ],
    ids=["unframed", "with a length", "chunked"],
)
async def test_an_endless_body_counts_by_its_status(script: Script) -> None:
    async with receiver(script) as there, poster() as here:
        got = await here.post(there.url)
    assert (got.result, got.status_code, got.error) == (ResultClass.SUCCESS, 200, None)
    assert (got.response_body, got.response_truncated) == (b"x" * BODY_KEPT_BYTES, True)


async def test_a_compressed_body_is_kept_as_it_came() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    async with receiver(answer(200, bomb, headers={"Content-Encoding": "gzip"})) as there, poster() as here:
        got = await here.post(there.url)
    assert len(bomb) < RESPONSE_LIMIT_BYTES
    assert got.response_body == bomb[:BODY_KEPT_BYTES]


async def test_a_body_without_framing_ends_with_the_connection() -> None:
    async with receiver(close(OK + b"\r\nall of it")) as there, poster() as here:
        got = await here.post(there.url)
    assert (got.result, got.response_body, got.response_truncated) == (
        ResultClass.SUCCESS,
        b"all of it",
        False,
    )


async def test_a_large_request_arrives_whole() -> None:
    body = bytes(range(256)) * 40_000  # 10 MB, more than the buffers of both systems
    async with receiver() as there, poster() as here:
        first, second = await here.post(there.url, body), await here.post(there.url, body)
        assert (first.result, second.result) == (ResultClass.SUCCESS, ResultClass.SUCCESS)
        assert [request.body == body for request in there.requests] == [True, True]


async def test_an_answer_before_the_whole_request_counts_and_ends_the_connection() -> None:
    async def refuse_unread(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.write(message(413, b"too large"))
        await asyncio.Event().wait()

    async with receiver(refuse_unread, reads=False) as there, poster() as here:
        got = await here.post(there.url, b"x" * 50_000_000)
        again = await here.post(there.url, b"x" * 50_000_000)
        assert (got.result, got.status_code) == (ResultClass.CLIENT_ERROR, 413)
        assert again.status_code == 413
        assert there.connections == 2


async def test_a_closed_port_is_a_connect_error() -> None:
    async with receiver() as there:
        url = there.url
    async with poster() as here:
        got = await here.post(url)
    assert (got.result, got.error) == (ResultClass.CONNECT, "the connection was refused")
    assert (got.connect_ms, got.first_byte_ms, got.peer) == (None, None, None)
    assert got.duration_ms > 0


async def test_a_cancelled_request_ends_its_connection() -> None:
    arrived, hung_up = asyncio.Event(), asyncio.Event()

    async def hold(visit: Visit) -> None:
        arrived.set()
        await visit.reader.read()
        hung_up.set()

    async with receiver(turns(hold, answer(200))) as there, poster() as here:
        sending = asyncio.create_task(here.post(there.url))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        # Long before the deadline, which would end it too.
        async with asyncio.timeout(PATIENT_SECONDS / 2):
            await hung_up.wait()
        assert (await here.post(there.url)).result is ResultClass.SUCCESS
        assert there.connections == 2


async def test_a_later_request_may_have_an_earlier_deadline() -> None:
    async with receiver(turns(answer(200), hang())) as there, poster() as here:
        assert (await here.post(there.url)).result is ResultClass.SUCCESS
        async with asyncio.timeout(PATIENT_SECONDS / 2):
            got = await here.post(there.url, timeout_seconds=SHORT_SECONDS)
        assert (got.result, there.connections) == (ResultClass.TIMEOUT, 1)


async def test_a_later_request_is_not_cut_by_the_deadline_before() -> None:
    async def answer_late(visit: Visit) -> None:
        await asyncio.sleep(1.0)
        await visit.write(message())

    async with receiver(turns(answer(200), answer_late)) as there, poster() as here:
        assert (await here.post(there.url, timeout_seconds=0.7)).result is ResultClass.SUCCESS
        assert (await here.post(there.url)).result is ResultClass.SUCCESS
        assert there.connections == 1


async def test_many_requests_at_once_get_their_own_answers() -> None:
    async def echo(visit: Visit) -> None:
        assert visit.request is not None
        await visit.write(message(200, visit.request.body))

    async with receiver(echo) as there, poster() as here:
        bodies = [b"%d" % number for number in range(200)]
        answers = await asyncio.gather(*(here.post(there.url, body) for body in bodies))
        assert [got.response_body for got in answers] == bodies


async def test_connections_are_reused_under_load() -> None:
    async with fast_receiver() as (url, counts), poster() as here:

        async def post_on() -> None:
            for _ in range(50):
                assert (await here.post(url)).result is ResultClass.SUCCESS

        await asyncio.gather(*(post_on() for _ in range(10)))
        assert counts == [500]
