"""The way out to the services of integrations: the guard, the request as it goes out, the answer as it comes back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.outside import MOST_ANSWER_BYTES, HttpCall
from app.rules.addresses import EgressPolicy
from app.rules.lifecycle import ResultClass
from delivery.outside import GuardedOutside
from tests.delivery.posting import POLICY, Names
from tests.receivers import answer, close, drip, hang, raw, receiver


@pytest.fixture
async def outside() -> AsyncIterator[GuardedOutside]:
    outside = GuardedOutside(POLICY)
    yield outside
    await outside.close()


def wanted(url: str, **members: Any) -> HttpCall:
    return HttpCall(url, **({"method": "GET", "path": "/orders?page=2"} | members))


async def test_a_request_goes_out_as_it_was_composed(outside: GuardedOutside) -> None:
    async with receiver() as there:
        await outside.call(wanted(there.url, method="PUT", headers=(("X-One", "1"),), body=b"{}"))
        await outside.call(wanted(there.url, method="POST"))
        await outside.call(wanted(there.url, headers=(("User-Agent", "own/1"),)))
    first, second, third = there.requests
    assert (first.method, first.path, first.body) == ("PUT", "/orders?page=2", b"{}")
    assert first.headers["host"] == f"127.0.0.1:{there.port}"
    assert (first.headers["x-one"], first.headers["content-length"]) == ("1", "2")
    assert first.headers["accept-encoding"] == "identity"
    assert first.headers["user-agent"].startswith("AetherFlow-Webhooks/")
    assert second.headers["content-length"] == "0"
    assert third.headers["user-agent"] == "own/1"
    assert "content-length" not in third.headers
    assert there.connections == 1


async def test_an_answer_comes_back_whole(outside: GuardedOutside) -> None:
    body = bytes(range(256)) * (MOST_ANSWER_BYTES // 256)
    script = answer(404, body, headers={"X-Two": " a  b ", "Set-Cookie": "c=1"})
    async with receiver(script) as there:
        got = await outside.call(wanted(there.url))
    assert (got.status_code, got.result, got.error) == (404, ResultClass.CLIENT_ERROR, None)
    assert ("X-Two", "a  b") in got.headers
    assert got.body == body
    assert not got.is_cut


async def test_an_answer_that_is_too_long_is_cut(outside: GuardedOutside) -> None:
    async with receiver(answer(200, bytes(MOST_ANSWER_BYTES + 1))) as there:
        got = await outside.call(wanted(there.url))
    assert got.is_cut
    assert len(got.body) == MOST_ANSWER_BYTES


@pytest.mark.parametrize(
    ("script", "result"),
    [
        (close(), ResultClass.PROTOCOL),
        (raw(b"SSH-2.0-x\r\n", then_close=True), ResultClass.PROTOCOL),
        (hang(), ResultClass.TIMEOUT),
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"x" * 500), ResultClass.TIMEOUT),
    ],
)
async def test_what_is_no_answer_says_that_the_request_may_have_arrived(
    outside: GuardedOutside, script: Any, result: ResultClass
) -> None:
    async with receiver(script) as there:
        got = await outside.call(wanted(there.url, timeout_seconds=0.3))
    assert (got.result, got.status_code, got.was_sent) == (result, None, True)
    assert (got.headers, got.body) == ((), b"")


async def test_without_a_connection_nothing_was_sent(outside: GuardedOutside) -> None:
    async with receiver() as there:
        url = there.url
    got = await outside.call(wanted(url))
    assert (got.result, got.was_sent) == (ResultClass.CONNECT, False)


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "http://93.184.215.14/",
        "https://93.184.215.14:22/",
        "https://inside.example/",
    ],
)
async def test_nothing_goes_where_deliveries_may_not_go(url: str) -> None:
    names = Names({"inside.example": [["10.0.0.1"]]})
    outside = GuardedOutside(EgressPolicy.of(), resolve=names.resolve)
    got = await outside.call(wanted(url))
    await outside.close()
    assert (got.result, got.was_sent) == (ResultClass.BLOCKED, False)
    assert got.error == "the destination is not allowed"


async def test_a_call_shows_no_credentials() -> None:
    call = wanted(
        "https://a.example", path="/?key=hidden", headers=(("Authorization", "hidden"),), body=b"hidden"
    )
    assert "hidden" not in repr(call)
