"""Where the service may send requests to: the egress guard's judgement.

Customers choose URLs and the service calls them from inside the operator's network, so without a guard
anybody could make it call databases, metadata services and printers (server-side request forgery).

1. `parse_target` judges the text of a URL, at registration and again where it is delivered to, since the
   operator's policy may have changed in between.
2. `vet` judges the addresses that the name resolved to. One denied address refuses them all: a name
   that answers with both kinds is an attack or a mistake. The connection goes to a vetted address, never
   to the name, which may resolve to something else a moment later.
3. The operator's networks need not be public, but the rules about everything else hold for them too.
4. A refusal says the same whatever its cause, so that the answers do not map the operator's network.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Self

from app.errors import BlockedDestination, InvalidUrl, Misconfigured
from app.rules.hosts import Host, parse_host
from app.rules.networks import Address, Network, as_ipv4_if_mapped, has_zone, is_public
from app.rules.paths import request_path

URL_LIMIT = 2048
DEFAULT_PORTS = (range(443, 444), range(8443, 8444))

# Relaying and submission (RFC 5321, 6409, 8314), and the port that providers offer where 25 is closed.
MAIL_PORTS = frozenset({25, 465, 587, 2525})

_HTTP_PORT = 80
_DEFAULT_PORT_BY_SCHEME = {"http": _HTTP_PORT, "https": 443}
_HIGHEST_PORT = 65_535

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::(0|[1-9][0-9]*))?")
_PORTS = re.compile(r"([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?")
_CONTROL_OR_BACKSLASH = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What the operator allows. Without arguments: https to public addresses on ports 443 and 8443."""

    allowed_networks: tuple[Network, ...] = ()
    ports: tuple[range, ...] = DEFAULT_PORTS
    allow_http: bool = False
    own_hosts: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, *, allow: str = "", ports: str = "", allow_http: bool = False, own_urls: Iterable[str] = ()
    ) -> Self:
        """From the text of the settings; `own_urls` are the valid URLs under which this service is known.

        Raises Misconfigured, naming the setting.
        """
        return cls(parse_networks(allow), parse_ports(ports), allow_http, _own_hosts(own_urls))

    def allows_port(self, port: int) -> bool:
        """Port 80 comes with plain http."""
        return any(port in allowed for allowed in self.ports) or (self.allow_http and port == _HTTP_PORT)

    def exempts(self, address: Address) -> bool:
        """Whether the operator has opened this address, public or not."""
        judged = as_ipv4_if_mapped(address)
        return any(judged in network for network in self.allowed_networks)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that the policy has nothing against, in the parts that a connection and a request need."""

    scheme: str
    host: str
    """Lower-case ASCII without brackets or a dot at its end: for resolving, SNI and certificate checks."""
    port: int
    address: Address | None
    """The address, when the host is written as one; then there is nothing to resolve."""
    path: str = field(repr=False)
    """Path and query as they go on the request line. Often secret, so never part of the repr."""
    needs_allowance: bool = False
    """Whether the name is one that only the operator's own networks may answer for, such as `localhost`."""

    @property
    def origin(self) -> str:
        """`https://example.com`, with the port unless it is the scheme's own; fit for logs."""
        return f"{self.scheme}://{self.host_header}"

    @property
    def host_header(self) -> str:
        """The value of the Host header, RFC 9110 section 7.2."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORT_BY_SCHEME[self.scheme] else f"{host}:{self.port}"


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks of AETHERFLOW_EGRESS_ALLOW: `10.1.0.0/16, fd00::/8, 192.168.1.7`.

    Raises Misconfigured for anything else.
    """
    return tuple(_parse_network(item) for item in _items(text))


def parse_ports(text: str) -> tuple[range, ...]:
    """443, 8443 and the ports of AETHERFLOW_EGRESS_PORTS: `9000, 10000-10100`.

    Raises Misconfigured for anything else.
    """
    return DEFAULT_PORTS + tuple(_parse_port_range(item) for item in _items(text))


def parse_target(url: str, policy: EgressPolicy) -> Target:
    """Judges everything about a URL that can be judged without resolving its name.

    Raises InvalidUrl for what is no absolute URL of at most 2,048 characters, and for one that would
    have to be changed before it can be sent in more than the case of its letters, a default port, an
    empty path and a dot at the end of its name; BlockedDestination for what the policy does not allow.
    """
    if len(url) > URL_LIMIT:
        raise InvalidUrl(f"A URL has at most {URL_LIMIT} characters.")
    found = _URL.fullmatch(url)
    if found is None or " " in url:
        raise InvalidUrl("Write an absolute URL, such as https://example.com/hooks.")
    scheme, authority, path, fragment = found[1].lower(), found[2], found[3], found[4]
    if _CONTROL_OR_BACKSLASH.search(url) or fragment is not None or "@" in authority:
        raise BlockedDestination
    if scheme != "https" and not (scheme == "http" and policy.allow_http):
        raise BlockedDestination
    host_text, port = _split_authority(authority, scheme)
    host = parse_host(host_text)
    if host is None or not _host_is_allowed(host, policy) or not policy.allows_port(port):
        raise BlockedDestination
    if not host_text.isascii() or host_text.strip("[]").lower().removesuffix(".") != host.spelling:
        raise InvalidUrl(f"Write the host as {host.spelling}.")
    return Target(scheme, host.spelling, port, host.address, request_path(path), host.is_private_name)


def parse_mail_server(host: str, port: int, policy: EgressPolicy, *, is_encrypted: bool) -> Target:
    """Judges a mail server as `parse_target` judges a URL; its usual ports need not be opened.

    A connection without encryption is what plain http is: only where the operator allows that.

    Raises InvalidUrl, BlockedDestination.
    """
    parsed = parse_host(host)
    port_is_allowed = port in MAIL_PORTS or policy.allows_port(port)
    if parsed is None or not _host_is_allowed(parsed, policy) or not port_is_allowed:
        raise BlockedDestination
    if not is_encrypted and not policy.allow_http:
        raise BlockedDestination
    if not host.isascii() or host.lower().removesuffix(".") != parsed.spelling:
        raise InvalidUrl(f"Write the host as {parsed.spelling}.")
    return Target("smtp", parsed.spelling, port, parsed.address, "", parsed.is_private_name)


def drop_origin(url: str) -> str:
    """The path and query of a URL that `parse_target` has accepted, `/` if there is no path."""
    found = _URL.fullmatch(url)
    return request_path(found[3]) if found else "/"


def is_denied(address: Address, policy: EgressPolicy) -> bool:
    """Whether no connection may go to this address. One with a zone (`fe80::1%eth0`) is always denied."""
    return has_zone(address) or not (policy.exempts(address) or is_public(address))


def vet(target: Target, addresses: Sequence[Address], policy: EgressPolicy) -> list[Address] | None:
    """The addresses that a connection to the target may go to, in the order given.

    None when a single one of them is denied, or lies outside the operator's networks though the
    target needs them. An empty list is a name without addresses, which is no refusal. IPv4-mapped
    addresses come back as the IPv4 addresses that they stand for.
    """
    for address in addresses:
        if is_denied(address, policy) or (target.needs_allowance and not policy.exempts(address)):
            return None
    return [as_ipv4_if_mapped(address) for address in addresses]


def _split_authority(authority: str, scheme: str) -> tuple[str, int]:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise InvalidUrl("After the two slashes comes a host, then nothing or a colon and a port.")
    return found[1], _DEFAULT_PORT_BY_SCHEME[scheme] if found[2] is None else int(found[2])


def _host_is_allowed(host: Host, policy: EgressPolicy) -> bool:
    if host.spelling in policy.own_hosts:
        return False
    if host.address is not None:
        return not is_denied(host.address, policy)
    return bool(policy.allowed_networks) or not host.is_private_name


def _own_hosts(urls: Iterable[str]) -> frozenset[str]:
    hosts = [_own_host(url) for url in urls]
    # Other programs of the same machine share its loopback names, and only the operator can open those.
    return frozenset(host.spelling for host in hosts if not _is_loopback(host))


def _own_host(url: str) -> Host:
    found = _URL.fullmatch(url)
    authority = found and _AUTHORITY.fullmatch(found[2])
    host = authority and parse_host(authority[1])
    if not host:
        raise Misconfigured(
            "AETHERFLOW_PUBLIC_URL and AETHERFLOW_HOOKS_URL are absolute URLs, such as https://hooks.example.com."
        )
    return host


def _is_loopback(host: Host) -> bool:
    if host.address is not None:
        return host.address.is_loopback
    return host.spelling.rpartition(".")[2] == "localhost"


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _parse_network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise Misconfigured(f"AETHERFLOW_EGRESS_ALLOW: {error}.") from None
    if "%" in text or network.network_address != as_ipv4_if_mapped(network.network_address):
        # Neither would ever match: zones are always denied, mapped addresses are judged as IPv4.
        raise Misconfigured(f"AETHERFLOW_EGRESS_ALLOW: write {text} without a zone, and IPv4 as IPv4.")
    return network


def _parse_port_range(text: str) -> range:
    found = _PORTS.fullmatch(text)
    lowest = int(found[1]) if found else 0
    highest = int(found[2] or found[1]) if found else 0
    if not 1 <= lowest <= highest <= _HIGHEST_PORT:
        raise Misconfigured(
            f"AETHERFLOW_EGRESS_PORTS: {text!r} is no port or range from 1 to {_HIGHEST_PORT}."
        )
    return range(lowest, highest + 1)
