"""The host part of a URL, read in exactly one way.

Resolvers, URL libraries and proxies disagree about `127.1`, `0x7f000001`, full-width digits or
`[::ffff:127.0.0.1]`; whoever vets one reading and connects to another can be led anywhere. So every
host has one spelling here, and `Host.spelling` lets the caller refuse all others:

1. Anything outside ASCII is mapped as UTS 46 says and encoded as IDNA 2008 says, before all else.
2. What ends in a number is an IPv4 address, four decimal numbers, or nothing (the rule that browsers
   follow, https://url.spec.whatwg.org/#ends-in-a-number-checker).
3. What stands in brackets is an IPv6 address without a zone; an IPv4-mapped one is that IPv4 address.
4. The rest is a name of letters, digits, hyphens and underscores, with at most one dot at its end.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import idna

from app.rules.networks import Address, as_ipv4_if_mapped, has_zone

_NAME_LIMIT = 253  # RFC 1035 section 2.3.4, without the length bytes of the wire form
# Underscores are no letters of a host name by RFC 1123, but container names have them and resolve.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ENCODED_LABEL = "xn--"

# RFC 6761, 6762 and 7686, and `internal`, which ICANN keeps for private use; `arpa` covers `home.arpa`.
_PRIVATE_TOP_LABELS = frozenset({"arpa", "internal", "invalid", "local", "localhost", "onion", "test"})


@dataclass(frozen=True, slots=True)
class Host:
    """A host in its one spelling: lower-case ASCII, no brackets, no dot at the end."""

    spelling: str
    address: Address | None
    """The address, when the host is written as one."""
    is_private_name: bool = False
    """Whether it is a single label, or a name in a part of the DNS that means something else everywhere."""


def parse_host(text: str) -> Host | None:
    """The host that stands between `//` and the port of a URL; None for what must not be one."""
    if text.startswith("["):
        return _parse_bracketed(text)
    ascii_text = _to_ascii(text)
    if ascii_text is None:
        return None
    name = ascii_text.removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        # The text with its dot at the end, if there is one: an address has none.
        return _parse_dotted_quad(ascii_text)
    labels = name.split(".")
    if len(name) > _NAME_LIMIT or not all(map(_is_label, labels)):
        return None
    return Host(name, None, is_private_name=len(labels) == 1 or labels[-1] in _PRIVATE_TOP_LABELS)


def _to_ascii(text: str) -> str | None:
    if text.isascii():
        return text.lower()
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except UnicodeError:
        return None


def _parse_bracketed(text: str) -> Host | None:
    if not text.endswith("]"):
        return None
    try:
        address = as_ipv4_if_mapped(IPv6Address(text[1:-1]))
    except ValueError:
        return None
    return None if has_zone(address) else Host(str(address), address)


def _parse_dotted_quad(text: str) -> Host | None:
    try:
        # Four decimal numbers without leading zeros is all that this class takes.
        return Host(text, IPv4Address(text))
    except ValueError:
        return None


def _is_label(label: str) -> bool:
    if not _LABEL.fullmatch(label):
        return False
    if not label.startswith(_ENCODED_LABEL):
        return True
    try:
        return idna.alabel(idna.ulabel(label)) == label.encode()
    except UnicodeError:
        return False
