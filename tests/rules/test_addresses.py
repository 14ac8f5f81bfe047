"""The egress guard: which URLs and which addresses deliveries may go to."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BlockedDestination, Invalid, InvalidUrl, Misconfigured
from app.rules.addresses import (
    EgressPolicy,
    Target,
    is_denied,
    parse_networks,
    parse_ports,
    parse_target,
    vet,
)

STRICT = EgressPolicy()
OPEN = EgressPolicy.of(allow="127.0.0.0/8, ::1/128", ports="1-65535", allow_http=True)
PUBLIC = IPv4Address("93.184.215.14")


def target(url: str = "https://example.com/", policy: EgressPolicy = STRICT) -> Target:
    return parse_target(url, policy)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/hooks", Target("https", "example.com", 443, None, "/hooks")),
        ("HTTPS://EXAMPLE.com/Hooks", Target("https", "example.com", 443, None, "/Hooks")),
        ("https://example.com", Target("https", "example.com", 443, None, "/")),
        ("https://example.com:443/", Target("https", "example.com", 443, None, "/")),
        ("https://example.com:8443?a=b", Target("https", "example.com", 8443, None, "/?a=b")),
        ("https://example.com./x", Target("https", "example.com", 443, None, "/x")),
        (
            "https://a_b.example.com/@me//x?q=/?",
            Target("https", "a_b.example.com", 443, None, "/@me//x?q=/?"),
        ),
        ("https://xn--bcher-kva.example.com/", Target("https", "xn--bcher-kva.example.com", 443, None, "/")),
        ("https://93.184.215.14/", Target("https", "93.184.215.14", 443, PUBLIC, "/")),
        (
            "https://[2606:4700:4700::1111]:8443/x",
            Target("https", "2606:4700:4700::1111", 8443, IPv6Address("2606:4700:4700::1111"), "/x"),
        ),
        (
            "https://[2606:4700:4700::AbCd]/",
            Target("https", "2606:4700:4700::abcd", 443, IPv6Address("2606:4700:4700::abcd"), "/"),
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, expected: Target) -> None:
    assert parse_target(url, STRICT) == expected


@pytest.mark.parametrize(
    ("url", "origin", "host_header"),
    [
        ("https://example.com:443/secret", "https://example.com", "example.com"),
        ("https://example.com:8443/secret", "https://example.com:8443", "example.com:8443"),
        ("http://example.com:80/secret", "http://example.com", "example.com"),
        ("http://example.com:443/secret", "http://example.com:443", "example.com:443"),
        ("https://[2606:4700::1]:8443/secret", "https://[2606:4700::1]:8443", "[2606:4700::1]:8443"),
    ],
)
def test_origin_and_host_header_leave_out_the_default_port(url: str, origin: str, host_header: str) -> None:
    parsed = parse_target(url, OPEN)
    assert (parsed.origin, parsed.host_header) == (origin, host_header)


def test_the_path_does_not_show_in_the_repr_because_it_is_often_a_secret() -> None:
    assert "T0KEN" not in repr(target("https://example.com/T0KEN?sig=T0KEN"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "example.com/hooks",
        "//example.com/hooks",
        "/hooks",
        "not a url",
        "https:",
        "https://",
        "https:///path",
        "https://?q",
        "https://:443/",
        "https:/example.com/",
        "https:\\\\example.com",
        "javascript:alert(1)",
        "https://example.com:/",
        "https://example.com:abc/",
        "https://example.com:0443/",
        "https://example.com:-1/",
        "https://example.com:443:443/",
        "https://2606:4700::1111/",
        "https://[2606:4700::1111/",
        "https://[2606:4700::1111]x/",
        " https://example.com/",
        "https://example.com/ ",
        "https://exa mple.com/",
        "https://example.com/" + "a" * 2029,
    ],
)
def test_what_is_no_url_is_invalid(url: str) -> None:
    with pytest.raises(InvalidUrl):
        parse_target(url, OPEN)


def test_a_url_of_2048_characters_is_accepted() -> None:
    url = "https://example.com/" + "a" * 2028
    assert target(url).path == "/" + "a" * 2028


@pytest.mark.parametrize(
    ("url", "instead"),
    [
        ("https://bücher.example.com/", "xn--bcher-kva.example.com"),
        ("https://faß.de/", "xn--fa-hia.de"),
        ("https://example。com/", "example.com"),
        ("https://exam\u00adple.com/", "example.com"),
        ("https://example\u212a.com/", "examplek.com"),  # Its lower case is an ASCII letter.
        ("https://９３.184.215.14/", "93.184.215.14"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", "2606:4700:4700::1111"),
        ("https://[2606:4700:4700::0:1111]/", "2606:4700:4700::1111"),
        ("https://[::ffff:93.184.215.14]/", "93.184.215.14"),
        ("https://[::ffff:5db8:d70e]/", "93.184.215.14"),
    ],
)
def test_another_spelling_of_an_allowed_host_is_refused_with_the_right_one(url: str, instead: str) -> None:
    with pytest.raises(InvalidUrl) as refusal:
        parse_target(url, STRICT)
    assert refusal.value.detail == f"Write the host as {instead}."


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a/../b",
        "https://example.com/%7Eme",
        "https://example.com/ü",
        'https://example.com/"',
    ],
)
def test_a_path_that_could_not_be_sent_as_it_stands_is_invalid(url: str) -> None:
    with pytest.raises(InvalidUrl):
        parse_target(url, STRICT)


BLOCKED_URLS = [
    # The address table, plainly.
    "https://127.0.0.1/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://100.100.100.200/",
    "https://192.168.0.1:8443/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    # IPv4 written otherwise.
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7F000001/",
    "https://017700000001/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://127.0.0.0x1/",
    "https://0x/",
    "https://8.8.8/",
    "https://8.8.8.8.8/",
    "https://8.8.8.256/",
    "https://134744072/",
    "https://example.com.127/",
    "https://127.0.0.1./",
    "https://8.8.8.8./",
    "https://127.0.0.1../",
    # IPv4 inside IPv6.
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[::7f00:1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::8.8.8.8]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:c0a8:101::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    # Brackets around something else, and zones.
    "https://[127.0.0.1]/",
    "https://[8.8.8.8]/",
    "https://[example.com]/",
    "https://[]/",
    "https://[v1.a]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[2606:4700:4700::1111%25eth0]/",
    # Characters that some readers map to others.
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://loc\u00adalhost/",
    "https://127.0.0.1。/",
    "https://exam℀ple.com/",
    "https://example.com／@127.0.0.1/",
    "https://example.com：443/",
    "https://☃☃☃☃.com\u202e/",
    # Someone else's idea of where the host is.
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1:443@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com\\.evil.example/",
    "https://example.com/\\evil",
    "https://example.com#@127.0.0.1/",
    "https://example.com/#",
    "https://example.com/#fragment",
    "https://example.com/#a\nb",
    "https://example.com%2f@127.0.0.1/",
    "https://example%2ecom/",
    "https://%31%32%37.0.0.1/",
    "https://%00/",
    "https://exa\tmple.com/",
    "https://example.com/\r\nX-Injected: yes".replace(" ", ""),
    "https://example.com\n/",
    "https://example.com/\x00",
    "https://example.com/\x7f",
    # Names that are nobody's on the internet.
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://printer/",
    "https://com/",
    "https://printer.local/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://router.home.arpa/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://example.test/",
    "https://example.invalid/",
    "https://exampleonion.onion/",
    # Names that are none.
    "https://example..com/",
    "https://.example.com/",
    "https://./",
    "https://../",
    "https://example.com../",
    "https://-example.com/",
    "https://example-.com/",
    "https://exa$mple.com/",
    "https://*.example.com/",
    "https://xn--a.example.com/",
    "https://xn--.example.com/",
    f"https://{'a' * 64}.example.com/",
    f"https://{'a.' * 126}com/",
    # Ports and schemes.
    "https://example.com:22/",
    "https://example.com:0/",
    "https://example.com:80/",
    "https://example.com:65536/",
    "https://example.com:99999/",
    "https://example.com:4430/",
    f"https://example.com:1{'0' * 100}/",
    "http://example.com/",
    "http://example.com:443/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/_HELO",
    "wss://example.com/",
    "httpsx://example.com/",
]


@pytest.mark.parametrize("url", BLOCKED_URLS)
def test_an_attack_is_blocked_with_the_one_text(url: str) -> None:
    with pytest.raises(BlockedDestination) as refusal:
        parse_target(url, STRICT)
    assert refusal.value.detail == BlockedDestination.title
    assert refusal.value.problems == ()


@given(st.text(max_size=60).map(lambda rest: f"https://{rest}") | st.text(max_size=60))
def test_any_text_is_either_a_target_or_refused(url: str) -> None:
    try:
        parsed = parse_target(url, OPEN)
    except (InvalidUrl, BlockedDestination):
        return
    assert url.isascii()
    assert parsed.host_header.isprintable()
    assert parsed.path.startswith("/")


LABELS = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)
URLS = st.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}:{port}{path}{query}",
    st.sampled_from(["http", "HTTPS"]),
    st.builds(lambda *labels: ".".join(labels), LABELS, LABELS)
    | st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.integers(1, 65_535),
    st.from_regex(r"(/[A-Za-z0-9_~@:=-]{1,5}){0,3}/?", fullmatch=True),
    st.from_regex(r"(\?[A-Za-z0-9/?&=+]{0,8})?", fullmatch=True),
)


@given(URLS)
def test_origin_and_path_make_the_same_target_again(url: str) -> None:
    try:
        parsed = parse_target(url, OPEN)
    except Invalid:
        return
    assert parse_target(parsed.origin + parsed.path, OPEN) == parsed


@given(st.ip_addresses())
def test_no_url_with_an_address_gets_past_what_vetting_would_say(address: IPv4Address | IPv6Address) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    try:
        parsed = parse_target(f"https://{host}/", STRICT)
    except Invalid:
        return
    assert parsed.address == address
    assert vet(parsed, [address], STRICT) == [address]


# Of each network the first and last address, and their neighbours outside when those are public.
DENIED_EDGES = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
]


@pytest.mark.parametrize(("first", "last"), DENIED_EDGES)
def test_a_denied_network_is_denied_from_end_to_end(first: str, last: str) -> None:
    assert is_denied(ip_address(first), STRICT)
    assert is_denied(ip_address(last), STRICT)


@pytest.mark.parametrize(
    "address",
    [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.31.195.255",
        "192.31.197.0",
        "192.52.192.255",
        "192.52.194.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "192.175.47.255",
        "192.175.49.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "2000::",
        "2001:200::",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2003::",
        "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
        "2620:4f:8001::",
        "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::",
    ],
)
def test_the_neighbours_of_denied_networks_are_not_denied(address: str) -> None:
    assert not is_denied(ip_address(address), STRICT)


@given(st.ip_addresses())
def test_nothing_that_python_calls_special_is_reached_without_an_allow_list(
    address: IPv4Address | IPv6Address,
) -> None:
    judged = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
    if (
        judged.is_private
        or judged.is_loopback
        or judged.is_link_local
        or judged.is_multicast
        or judged.is_reserved
        or judged.is_unspecified
        or not judged.is_global
    ):
        assert is_denied(address, STRICT)


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_the_ipv4_address_in_it(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    policy = EgressPolicy(allowed_networks=(IPv4Network("10.0.0.0/8"),))
    assert is_denied(mapped, STRICT) == is_denied(address, STRICT)
    assert is_denied(mapped, policy) == is_denied(address, policy)


def test_an_address_with_a_zone_is_denied_even_inside_an_allowed_network() -> None:
    policy = EgressPolicy(allowed_networks=(IPv6Network("fe80::/10"),))
    assert not is_denied(IPv6Address("fe80::1"), policy)
    assert is_denied(IPv6Address("fe80::1%eth0"), policy)
    assert vet(target(), [IPv6Address("fe80::1%eth0")], policy) is None


def test_public_addresses_are_vetted_in_the_order_given() -> None:
    addresses: list[IPv4Address | IPv6Address] = [IPv6Address("2606:4700::1"), PUBLIC]
    assert vet(target(), addresses, STRICT) == addresses


def test_a_private_address_is_refused_even_among_public_ones() -> None:
    assert vet(target(), [PUBLIC, IPv4Address("10.0.0.1")], STRICT) is None
    assert vet(target(), [IPv4Address("10.0.0.1"), PUBLIC], STRICT) is None


def test_a_name_without_addresses_is_not_refused() -> None:
    assert vet(target(), [], STRICT) == []


def test_a_mapped_address_is_connected_to_as_ipv4() -> None:
    assert vet(target(), [IPv6Address(f"::ffff:{PUBLIC}")], STRICT) == [PUBLIC]


def test_the_allow_list_opens_its_networks_and_no_others() -> None:
    policy = EgressPolicy.of(allow="10.1.0.0/16")
    assert vet(target(), [IPv4Address("10.1.2.3"), PUBLIC], policy) == [IPv4Address("10.1.2.3"), PUBLIC]
    assert vet(target(), [IPv4Address("10.2.2.3")], policy) is None
    assert parse_target("https://10.1.2.3/", policy).address == IPv4Address("10.1.2.3")


@pytest.mark.parametrize(
    "url",
    [
        "http://10.1.2.3/",
        "https://10.1.2.3:9000/",
        "https://user@10.1.2.3/",
        "https://10.258/",
        "https://0xa010203/",
        "https://[10.1.2.3]/",
        "https://10.1.2.3./",
    ],
)
def test_the_allow_list_exempts_from_nothing_but_the_table(url: str) -> None:
    with pytest.raises(BlockedDestination):
        parse_target(url, EgressPolicy.of(allow="10.0.0.0/8"))


@pytest.mark.parametrize("host", ["localhost", "receiver", "a.localhost", "printer.local", "api.internal"])
def test_a_private_name_may_lead_into_allowed_networks_only(host: str) -> None:
    policy = EgressPolicy.of(allow="127.0.0.0/8,::1")
    parsed = parse_target(f"https://{host}/", policy)
    assert parsed.needs_allowance
    assert vet(parsed, [IPv4Address("127.0.0.1")], policy) == [IPv4Address("127.0.0.1")]
    assert vet(parsed, [PUBLIC], policy) is None
    assert vet(parsed, [IPv4Address("127.0.0.1"), PUBLIC], policy) is None


def test_an_ordinary_name_needs_no_allowance() -> None:
    assert not parse_target("https://local.example.com/", OPEN).needs_allowance


def test_plain_http_and_its_port_come_together() -> None:
    policy = EgressPolicy(allow_http=True)
    assert parse_target("http://example.com/", policy).port == 80
    with pytest.raises(BlockedDestination):
        parse_target("http://example.com:8080/", policy)


def test_the_operator_can_open_further_ports() -> None:
    policy = EgressPolicy.of(ports="9000, 10000-10100")
    for port in (443, 8443, 9000, 10_000, 10_100):
        assert parse_target(f"https://example.com:{port}/", policy).port == port
    for port in (9001, 9999, 10_101):
        with pytest.raises(BlockedDestination):
            parse_target(f"https://example.com:{port}/", policy)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/x", "https://HOOKS.example.com.:8443/x", "https://93.184.215.14/"]
)
def test_the_service_does_not_call_itself(url: str) -> None:
    policy = EgressPolicy.of(own_urls=["https://Hooks.Example.com./webhooks", "https://93.184.215.14:8443"])
    with pytest.raises(BlockedDestination):
        parse_target(url, policy)
    assert parse_target("https://other.example.com/", policy)


@pytest.mark.parametrize("own", ["http://localhost:8400", "http://127.0.0.1:8400", "http://[::1]:8400"])
def test_other_programs_on_the_loopback_of_a_local_service_stay_reachable(own: str) -> None:
    policy = EgressPolicy.of(
        allow="127.0.0.0/8,::1", ports="1-65535", allow_http=True, own_urls=["https://hooks.example.com", own]
    )
    assert parse_target(own.replace("8400", "9000"), policy).port == 9000


@pytest.mark.parametrize("url", ["hooks.example.com", "https://", "https://127.1/"])
def test_an_own_url_without_a_host_is_a_misconfiguration(url: str) -> None:
    with pytest.raises(Misconfigured, match="AETHERFLOW_PUBLIC_URL"):
        EgressPolicy.of(own_urls=[url])


def test_networks_are_read_from_the_setting() -> None:
    assert parse_networks("") == ()
    assert parse_networks(" 10.0.0.0/8, 192.168.1.7,fd00::/8 ,,::1") == (
        IPv4Network("10.0.0.0/8"),
        IPv4Network("192.168.1.7/32"),
        IPv6Network("fd00::/8"),
        IPv6Network("::1/128"),
    )


@pytest.mark.parametrize(
    "text", ["localhost", "10.0.0.1/8", "10.0.0.0/33", "10", "fe80::1%eth0", "::ffff:10.0.0.0/104", "*"]
)
def test_a_network_that_would_not_do_what_it_says_is_a_misconfiguration(text: str) -> None:
    with pytest.raises(Misconfigured, match="AETHERFLOW_EGRESS_ALLOW"):
        parse_networks(f"127.0.0.1, {text}")


def test_ports_are_read_from_the_setting_and_add_to_the_two_of_https() -> None:
    assert parse_ports("") == (range(443, 444), range(8443, 8444))
    assert parse_ports("80,9000-9001, 1 - 65535")[2:] == (range(80, 81), range(9000, 9002), range(1, 65_536))


@pytest.mark.parametrize("text", ["0", "65536", "99999", "9-8", "-1", "1-", "http", "1-2-3", "٤٤٣", "0-10"])
def test_a_port_that_does_not_exist_is_a_misconfiguration(text: str) -> None:
    with pytest.raises(Misconfigured, match="AETHERFLOW_EGRESS_PORTS"):
        parse_ports(f"443, {text}")
