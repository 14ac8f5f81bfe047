"""What a caller asks of a trigger: the request itself, and how it wants to be answered."""

import re
from dataclasses import dataclass

import orjson
from starlette.datastructures import Headers
from starlette.types import Scope

from app.inbound.addresses import Address

# RFC 7240 section 4.
WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=[,;]|$)", re.IGNORECASE)
RESPOND_ASYNC = re.compile(r"(?:^|,)\s*respond-async\s*(?=[,;]|$)", re.IGNORECASE)

# What makes any trigger synchronous, unless the program uses it as a path of its own.
SYNC_SUFFIX = "sync"


@dataclass(slots=True)
class Asked:
    """A request that has been read whole."""

    method: str
    raw_url: str
    suffix: str
    headers: Headers
    pairs: bytes
    body: bytes
    peer: str | None
    wants_no_wait: bool
    wait_seconds: float | None
    hops: int
    dedupe_key: str | None = None
    is_duplicate: bool = False

    def by_suffix(self, address: Address) -> bool:
        """Whether the path asks an asynchronous trigger to answer."""
        return not address.spec.is_sync and address.spec.sync_suffix and self.suffix == SYNC_SUFFIX

    def is_sync(self, address: Address) -> bool:
        """Whether the caller is to wait for the handler."""
        return (address.spec.is_sync or self.by_suffix(address)) and not self.wants_no_wait


def read_asked(scope: Scope, headers: Headers, *, suffix: str, body: bytes, hops: int) -> Asked:
    """Return what a request says; text is Latin-1, as it came."""
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    prefer = ", ".join(headers.getlist("prefer"))
    wait = WAIT.search(prefer)
    client = scope.get("client")
    return Asked(
        method=scope["method"],
        raw_url=f"{raw_path}?{query}" if query else raw_path,
        suffix=suffix,
        headers=headers,
        # White space after a value is no part of it (RFC 9110 section 5.5); the server leaves it there.
        pairs=orjson.dumps(
            [
                (name.decode("latin-1"), value.decode("latin-1").rstrip(" \t"))
                for name, value in scope["headers"]
            ]
        ),
        body=body,
        peer=client[0] if client else None,
        wants_no_wait=RESPOND_ASYNC.search(prefer) is not None,
        wait_seconds=float(wait[1]) if wait else None,
        hops=hops,
    )
