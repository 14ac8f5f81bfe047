"""Headers of a handler's answer that the server sends itself, and those that would speak for the whole origin."""

import re
from collections.abc import Iterable

# Set by the server for every answer; a second one of them could split the answer (RFC 9112 section 11.1).
SERVERS_OWN = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})

# What a page may say for its whole origin. On an address that the dashboard shares a handler must not.
ORIGIN_WIDE = frozenset(
    {"set-cookie", "clear-site-data", "strict-transport-security", "service-worker-allowed", "alt-svc"}
)


# RFC 9110 sections 5.1 and 5.5. The author's package checks this too, but a handler can go past it.
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def keep_sendable(headers: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the headers that a handler may set, and the names of the others."""
    pairs = list(headers)
    malformed = [name for name, value in pairs if not is_wellformed(name, value)]
    kept, dropped = divide([pair for pair in pairs if is_wellformed(*pair)], SERVERS_OWN)
    return kept, [*dropped, *malformed]


def is_wellformed(name: str, value: str) -> bool:
    """Whether a header is one header, whoever reads it."""
    return NAME.fullmatch(name) is not None and VALUE.fullmatch(value) is not None


def keep_local(headers: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the headers that may be sent on a shared origin, and the names of the others."""
    return divide(headers, ORIGIN_WIDE)


def divide(
    headers: Iterable[tuple[str, str]], refused: frozenset[str]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the headers whose names are not refused, and the names of those that are."""
    kept: list[tuple[str, str]] = []
    dropped: list[str] = []
    for name, value in headers:
        if name.lower() in refused:
            dropped.append(name)
        else:
            kept.append((name, value))
    return kept, dropped
