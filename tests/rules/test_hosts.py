"""Hosts in their one spelling."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.hosts import Host, parse_host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example.COM", Host("example.com", None)),
        ("example.com.", Host("example.com", None)),
        ("localhost", Host("localhost", None, is_private_name=True)),
        ("a.b.internal", Host("a.b.internal", None, is_private_name=True)),
        ("internal.example.com", Host("internal.example.com", None)),
        ("r3---sn.example.com", Host("r3---sn.example.com", None)),
        ("1.example.com", Host("1.example.com", None)),
        ("1and1.com", Host("1and1.com", None)),
        ("0xyz", Host("0xyz", None, is_private_name=True)),
        ("bücher.de", Host("xn--bcher-kva.de", None)),
        ("8.8.8.8", Host("8.8.8.8", IPv4Address("8.8.8.8"))),
        ("８.8。8.8", Host("8.8.8.8", IPv4Address("8.8.8.8"))),
        ("[::FFFF:8.8.8.8]", Host("8.8.8.8", IPv4Address("8.8.8.8"))),
        ("[2606:4700:0::1]", Host("2606:4700::1", IPv6Address("2606:4700::1"))),
    ],
)
def test_a_host_gets_its_one_spelling(text: str, expected: Host) -> None:
    assert parse_host(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "127.1",
        "0x7f.1",
        "8.8.8.8.",
        "[8.8.8.8]",
        "[fe80::1%eth0]",
        "[::1",
        "a b.com",
        "\ud800.com",
    ],
)
def test_what_has_several_readings_or_none_is_no_host(text: str) -> None:
    assert parse_host(text) is None


@given(st.text(max_size=40))
def test_a_spelling_is_its_own_spelling(text: str) -> None:
    host = parse_host(text)
    if host is not None:
        written = f"[{host.spelling}]" if ":" in host.spelling else host.spelling
        assert parse_host(written) == host


@given(st.from_regex(r"[0-9a-fx.]{1,20}", fullmatch=True))
def test_what_looks_like_numbers_is_a_canonical_address_or_a_name_that_no_resolver_takes_for_one(
    text: str,
) -> None:
    host = parse_host(text)
    if host is None:
        return
    if host.address is not None:
        assert str(ip_address(text)) == text
    else:
        last = host.spelling.rpartition(".")[2]
        assert not last.isdigit()
        assert not last.startswith("0x") or set(last[2:]) - set("0123456789abcdef")
