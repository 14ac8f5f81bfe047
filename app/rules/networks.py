"""Which addresses lie on the public internet, as far as a request of ours is concerned.

The table is stated here rather than asked of `ipaddress`: its `is_global` of Python 3.11 lets NAT64,
6to4, multicast, ::7f00:1 and fec0::1 through, and it changes from version to version.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, RFC 1122
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared by carriers, RFC 6598
        "127.0.0.0/8",  # loopback, RFC 1122
        "168.63.129.16/32",  # the host agent of Azure, which looks public and is not
        "169.254.0.0/16",  # link-local, RFC 3927, where most clouds keep their metadata service
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.31.196.0/24",  # AS112, RFC 7535
        "192.52.193.0/24",  # multicast tunnels (AMT), RFC 7450
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "192.175.48.0/24",  # AS112, RFC 7534
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved, RFC 1112, and broadcast, RFC 919
    )
)
# Nothing outside is handed out to hosts of the internet: ::1, NAT64 (64:ff9b::/96), fc00::/7, fe80::/10
# and all that is yet to be assigned need no entry of their own.
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_NOT_PUBLIC_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, RFC 2928; Teredo among them wraps IPv4 addresses
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4, RFC 3056, which wraps IPv4 addresses
        "2620:4f:8000::/48",  # AS112, RFC 7534
        "3fff::/20",  # documentation, RFC 9637
    )
)


def is_public(address: Address) -> bool:
    """Whether the address is outside every private, special and reserved network."""
    judged = as_ipv4_if_mapped(address)
    if isinstance(judged, IPv4Address):
        return not any(judged in network for network in _NOT_PUBLIC_IPV4)
    return judged in _PUBLIC_IPV6 and not any(judged in network for network in _NOT_PUBLIC_IPV6)


def has_zone(address: Address) -> bool:
    """Whether the address holds in one network of this machine only, as `fe80::1%eth0` does (RFC 4007)."""
    return isinstance(address, IPv6Address) and address.scope_id is not None


def as_ipv4_if_mapped(address: Address) -> Address:
    """`::ffff:192.0.2.1` leads to 192.0.2.1 on the wire (RFC 4291 section 2.5.5.2): judge it as that."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
