import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address

import pytest

from app.resolver import NoWay, Resolver, look_up, resolve_and_vet
from app.rules.addresses import EgressPolicy, parse_target
from app.rules.networks import Address

POLICY = EgressPolicy.of(allow="127.0.0.0/8,::1")


def answering(*texts: str) -> Resolver:
    return Resolver(lambda name: [ip_address(text) for text in texts])


def test_the_system_knows_this_machine() -> None:
    assert IPv4Address("127.0.0.1") in look_up("localhost")


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 64 + ".example"])
def test_a_name_that_does_not_resolve_has_no_addresses(name: str) -> None:
    assert list(look_up(name)) == []


async def test_a_name_asked_for_many_times_at_once_is_looked_up_once() -> None:
    asked: Counter[str] = Counter()
    release = threading.Event()

    def count(name: str) -> Sequence[Address]:
        asked[name] += 1
        release.wait()
        return [IPv4Address("127.0.0.1")]

    resolver = Resolver(count)
    waiting = [asyncio.create_task(resolver.resolve("a.example")) for _ in range(50)]
    await asyncio.sleep(0)
    release.set()
    assert await asyncio.gather(*waiting) == [[IPv4Address("127.0.0.1")]] * 50
    assert asked == {"a.example": 1}
    await resolver.resolve("a.example")
    assert asked == {"a.example": 2}
    resolver.close()


async def test_a_caller_who_leaves_does_not_end_the_look_up_for_others() -> None:
    release = threading.Event()

    def hang(name: str) -> Sequence[Address]:
        release.wait()
        return [IPv4Address("127.0.0.1")]

    resolver = Resolver(hang)
    leaving, staying = (asyncio.create_task(resolver.resolve("a.example")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    release.set()
    assert leaving.cancelled()
    assert await staying == [IPv4Address("127.0.0.1")]
    resolver.close()


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["93.184.216.34", "2606:2800:220:1::1"], ["93.184.216.34", "2606:2800:220:1::1"]),
        (["127.0.0.1"], ["127.0.0.1"]),
        (["93.184.216.34", "10.0.0.1"], NoWay.DENIED),
        ([], NoWay.UNRESOLVED),
    ],
)
async def test_a_name_is_vetted_by_what_it_resolves_to(
    addresses: list[str], expected: list[str] | NoWay
) -> None:
    resolver = answering(*addresses)
    found = await resolve_and_vet(parse_target("https://a.example/", POLICY), POLICY, resolver.resolve)
    assert (found if isinstance(found, NoWay) else [str(address) for address in found]) == expected
    resolver.close()


async def test_an_address_is_vetted_without_asking_anybody() -> None:
    async def never(name: str) -> Sequence[Address]:
        raise AssertionError(name)

    target = parse_target("https://127.0.0.1/", POLICY)
    assert await resolve_and_vet(target, POLICY, never) == [IPv4Address("127.0.0.1")]
    assert await resolve_and_vet(target, EgressPolicy(), never) is NoWay.DENIED


async def test_a_name_that_hangs_is_unresolved_when_the_deadline_passes() -> None:
    async def hang(name: str) -> Sequence[Address]:
        await asyncio.Event().wait()
        return []

    target = parse_target("https://a.example/", POLICY)
    assert await resolve_and_vet(target, POLICY, hang, deadline_seconds=0.05) is NoWay.UNRESOLVED
