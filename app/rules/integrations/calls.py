"""Requests through an integration: where they may go, what they may carry, how their credentials are put on.

1. A path leads below the base URL and never out of it: no other host, no `..`, however it is written.
2. What the integration shows as its credentials, nobody else can set.
3. Characters that cannot stand in a request line are escaped, so a name with an umlaut needs no care.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlencode

from app.rules.headers import check_headers
from app.rules.integrations.services import Pairs

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# As long as request lines may be at most servers.
LONGEST_PATH = 8_000

# Headers that endpoints may not set for their deliveries, and whoever makes a request of their own may.
OWN_HEADERS = frozenset({"content-encoding", "content-language", "content-type", "user-agent"})

# RFC 3986 sections 3.3 and 3.4; a % is taken for the beginning of an escape.
_IN_PATH = "!$&'()*+,;=:@/%"
_IN_QUERY = _IN_PATH + "?[]"

_ABSOLUTE = re.compile(r"//|[A-Za-z][A-Za-z0-9+.-]*:/")


def path_below(base: str, path: str, query: Pairs = ()) -> str:
    """Return the path and query of a request below the path of a base URL.

    Raises:
        ValueError: it would lead elsewhere, or is too long.
    """
    if _ABSOLUTE.match(path):
        raise ValueError("a path is below the base URL; it names no host")
    before, _, own_query = path.partition("?")
    if any(_is_dots(segment) for segment in re.split(r"[/\\]", before)):
        raise ValueError("a path must not have the segments . and ..")
    below = quote(before.lstrip("/"), safe=_IN_PATH)
    whole = f"{base.rstrip('/')}/{below}" if below else base
    queries = [part for part in (quote(own_query, safe=_IN_QUERY), urlencode(query)) if part]
    if queries:
        whole = f"{whole}?{'&'.join(queries)}"
    if len(whole) > LONGEST_PATH:
        raise ValueError(f"a path with its query may have {LONGEST_PATH} characters")
    return whole


def check_query(path: str, query: Pairs, *, reserved: Pairs) -> None:
    """Accept query parameters that leave those of the integration alone.

    Raises:
        ValueError: one is the integration's own.
    """
    names = {name for name, _ in query}
    names.update(
        unquote(part.partition("=")[0].replace("+", " ")) for part in path.partition("?")[2].split("&")
    )
    for name, _ in reserved:
        if name in names:
            raise ValueError(f"the integration sets the query parameter {name} itself")


def check_own_headers(headers: Sequence[tuple[str, str]], *, reserved: Pairs) -> None:
    """Accept headers that a request may carry besides those of the integration.

    Raises:
        ValueError: one cannot be sent, or is not the caller's to set.
    """
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    if problems := check_headers(joined, besides=OWN_HEADERS):
        problem = problems[0]
        raise ValueError(f"{problem.path.removeprefix('/headers/')}: {problem.message}")
    taken = {name.lower() for name, _ in reserved}
    for name in joined:
        if name.lower() in taken:
            raise ValueError(f"the integration sets the header {name} itself")


def _is_dots(segment: str) -> bool:
    return unquote(segment) in (".", "..")
