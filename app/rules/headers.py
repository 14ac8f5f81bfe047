"""Headers that an endpoint's owner adds to its deliveries.

They must not be able to split a request, to change how it is framed or routed, or to pass for what
the service itself says about a delivery. Their values are often credentials, hence the masking.
"""

import re
from collections.abc import Iterator, Mapping, Set

from app.errors import Problem
from app.rules.masking import HIDDEN

HEADER_COUNT_LIMIT = 20
HEADER_NAME_LIMIT = 128
HEADER_VALUE_LIMIT_BYTES = 4096

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
# Narrower than RFC 9110 section 5.5: bytes above ASCII reach receivers in an encoding nobody agreed on.
_VALUE = re.compile(r"[\t\x20-\x7e]*")

_RESERVED_NAMES = frozenset(
    {
        "accept-encoding",
        "connection",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_RESERVED_PREFIXES = ("content-", "proxy-", "webhook-", "x-aetherflow-", "x-forwarded-")

_SECRET_NAMES = frozenset({"authorization", "cookie"})
_SECRET_PARTS = ("token", "key", "secret")


def check_headers(headers: Mapping[str, str], *, besides: Set[str] = frozenset()) -> list[Problem]:
    """Everything that is wrong with them, in their order; each path is a JSON pointer (RFC 6901).

    `besides` are reserved names, in lower case, that may be set after all. No message repeats a value, since it
    may be a credential.
    """
    problems = []
    if len(headers) > HEADER_COUNT_LIMIT:
        problems.append(Problem("/headers", f"At most {HEADER_COUNT_LIMIT} headers, not {len(headers)}."))
    seen: dict[str, str] = {}
    for name, value in headers.items():
        path = "/headers/" + name.replace("~", "~0").replace("/", "~1")
        problems.extend(Problem(path, message) for message in _faults(name, value, besides))
        first = seen.setdefault(name.lower(), name)
        if first != name:
            problems.append(Problem(path, f"The same header as {first}: names do not depend on case."))
    return problems


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The same headers for an answer, with the values of those that hide behind a telling name.

    Nothing of such a value is shown: the end of `Basic ...` is the end of somebody's password.
    """
    return {name: HIDDEN if _is_secret(name) else value for name, value in headers.items()}


def _faults(name: str, value: str, besides: Set[str]) -> Iterator[str]:
    lowered = name.lower()
    if len(name) > HEADER_NAME_LIMIT:
        yield f"The name is longer than {HEADER_NAME_LIMIT} characters."
    elif not _TOKEN.fullmatch(name):
        yield "A name consists of letters, digits and !#$%&'*+-.^_`|~ only."
    elif lowered not in besides and _is_reserved(lowered):
        yield "The service sets this header itself, or it would change how the request is read."
    if len(value) > HEADER_VALUE_LIMIT_BYTES:
        yield f"The value is longer than {HEADER_VALUE_LIMIT_BYTES} bytes."
    elif not _VALUE.fullmatch(value):
        yield "A value consists of visible ASCII characters, spaces and tabs only."


def _is_reserved(lowered: str) -> bool:
    return lowered in _RESERVED_NAMES or lowered.startswith(_RESERVED_PREFIXES)


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return lowered in _SECRET_NAMES or any(part in lowered for part in _SECRET_PARTS)
