"""Public addresses, and the forms an address may take."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from app.rules.networks import as_ipv4_if_mapped, has_zone, is_public


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("::ffff:10.0.0.1", False),
        ("2606:4700::1", True),
        ("fc00::1", False),
    ],
)
def test_public_addresses_are_told_from_the_others(address: str, expected: bool) -> None:
    assert is_public(ip_address(address)) is expected


def test_only_mapped_addresses_turn_into_ipv4() -> None:
    assert as_ipv4_if_mapped(IPv6Address("::ffff:1.2.3.4")) == IPv4Address("1.2.3.4")
    for text in ("1.2.3.4", "::1.2.3.4", "64:ff9b::1.2.3.4", "::ffff:0:1.2.3.4"):
        assert as_ipv4_if_mapped(ip_address(text)) == ip_address(text)


def test_a_zone_is_seen() -> None:
    assert has_zone(IPv6Address("fe80::1%2"))
    assert not has_zone(IPv6Address("fe80::1"))
    assert not has_zone(IPv4Address("127.0.0.1"))
