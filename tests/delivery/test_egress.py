"""The guard at work: where connections go, and where none goes."""

import asyncio
import threading
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address

import pytest

from app.resolver import Resolver
from app.rules.addresses import EgressPolicy, parse_target
from app.rules.lifecycle import ResultClass
from app.rules.networks import Address
from delivery.dialing import NOT_ALLOWED
from delivery.transport import Transport
from tests.delivery.posting import PATIENT_SECONDS, SHORT_SECONDS, Names, poster
from tests.receivers import answer, receiver

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

LAST = {"Connection": "close"}


async def test_a_name_is_resolved_once_for_a_connection_and_not_again_for_a_reused_one() -> None:
    names = Names({"receiver.example": [["127.0.0.1"], ["10.0.0.1"]]})
    async with receiver() as there, poster(resolve=names.resolve) as here:
        for _ in range(3):
            assert (await here.post(there.url_at("receiver.example"))).result is ResultClass.SUCCESS
        assert names.asked == ["receiver.example"]


async def test_a_name_that_turns_private_is_refused_at_the_next_connection() -> None:
    names = Names({"rebinding.example": [["127.0.0.1"], ["169.254.169.254"]]})
    async with receiver(answer(200, headers=LAST)) as there, poster(resolve=names.resolve) as here:
        first = await here.post(there.url_at("rebinding.example"))
        second = await here.post(there.url_at("rebinding.example"))
        assert first.result is ResultClass.SUCCESS
        assert (second.result, second.error) == (ResultClass.BLOCKED, NOT_ALLOWED)
        assert names.asked == ["rebinding.example"] * 2


async def test_one_denied_address_refuses_all_of_a_name() -> None:
    names = Names({"mixed.example": [["127.0.0.1", "10.0.0.1"]]})
    async with receiver() as there, poster(resolve=names.resolve) as here:
        got = await here.post(there.url_at("mixed.example"))
        assert (got.result, got.error) == (ResultClass.BLOCKED, NOT_ALLOWED)
        assert there.connections == 0


async def test_an_address_in_the_url_is_judged_at_the_connection_too() -> None:
    lax = EgressPolicy.of(allow="127.0.0.0/8", ports="1-65535", allow_http=True)
    strict = EgressPolicy.of(ports="1-65535", allow_http=True)
    transport = Transport(strict)
    async with receiver() as there:
        target = parse_target(there.url, lax)
        got = await transport.send(target, b"", b"", timeout_seconds=PATIENT_SECONDS)
        assert (got.result, got.error, there.connections) == (ResultClass.BLOCKED, NOT_ALLOWED, 0)
    await transport.close()


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    # The receiver listens at 127.0.0.1 only.
    names = Names({"two.example": [["127.0.0.2", "127.0.0.1"]]})
    async with receiver() as there, poster(resolve=names.resolve) as here:
        got = await here.post(there.url_at("two.example"))
        assert (got.result, got.peer) == (ResultClass.SUCCESS, f"127.0.0.1:{there.port}")


async def test_a_receiver_at_an_ipv6_address_is_reached() -> None:
    try:
        async with receiver(host="::1") as there, poster() as here:
            got = await here.post(there.url)
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert (got.result, got.peer) == (ResultClass.SUCCESS, f"[::1]:{there.port}")
    assert there.requests[0].headers["host"] == f"[::1]:{there.port}"


async def test_a_name_of_this_machine_is_resolved_by_the_system_and_reached_if_allowed() -> None:
    async with receiver() as there, poster() as here:
        got = await here.post(there.url_at("localhost"))
    assert (got.result, got.peer) == (ResultClass.SUCCESS, f"127.0.0.1:{there.port}")


async def test_a_name_without_addresses_is_a_dns_result() -> None:
    async with poster(resolve=Names({}).resolve) as here:
        got = await here.post("http://nowhere.example/")
    assert (got.result, got.error) == (ResultClass.DNS, "the name does not resolve")


async def test_a_resolver_that_hangs_is_a_timeout() -> None:
    async def hang(name: str) -> Sequence[Address]:
        await asyncio.Event().wait()
        raise AssertionError

    async with poster(resolve=hang) as here:
        got = await here.post("http://slow.example/", timeout_seconds=SHORT_SECONDS)
    assert (got.result, got.error) == (ResultClass.TIMEOUT, "the name did not resolve within the time-out")


async def test_a_name_that_hangs_does_not_hold_up_deliveries_to_another() -> None:
    release = threading.Event()

    def look_up(name: str) -> Sequence[Address]:
        if name == "slow.example":
            release.wait()
        return [ip_address("127.0.0.1")]

    resolver = Resolver(look_up)
    async with receiver() as there, poster(resolve=resolver.resolve) as here:
        slow = [asyncio.create_task(here.post(there.url_at("slow.example"))) for _ in range(100)]
        # The tasks begin before this request does, so all of them wait by now.
        await asyncio.sleep(0)
        assert (await here.post(there.url_at("quick.example"))).result is ResultClass.SUCCESS
        assert not any(task.done() for task in slow)
        release.set()
        answers = await asyncio.gather(*slow)
        assert {got.result for got in answers} == {ResultClass.SUCCESS}
    resolver.close()


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as proxy, receiver() as there, poster() as here:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await here.post(there.url)
        assert (proxy.connections, there.connections) == (0, 1)


async def test_the_connection_goes_to_the_vetted_address_and_the_name_into_the_request() -> None:
    names = Names({"receiver.example": [["127.0.0.1"]]})
    async with receiver() as there, poster(resolve=names.resolve) as here:
        got = await here.post(there.url_at("receiver.example"))
        assert got.peer == f"{IPv4Address('127.0.0.1')}:{there.port}"
        assert there.requests[0].headers["host"] == f"receiver.example:{there.port}"
