"""The path and query of a URL, accepted only as they can be sent.

A URL is stored and shown as its owner wrote it. If sending it took more than that, such as resolving
`/a/../b` or escaping an umlaut, then what the owner sees and what the receiver gets would differ, and
so might what a proxy in between makes of it. The refusals say what to write instead.
"""

import re
from string import ascii_letters, digits

from app.errors import InvalidUrl

_UNRESERVED = ascii_letters + digits + "-._~"  # RFC 3986 section 2.3
_IN_PATH = re.escape(_UNRESERVED + "!$&'()*+,;=:@/%")  # section 3.3
# Section 3.4, and the brackets of `?tag[]=a`, which browsers and HTTP clients send as they are.
_IN_QUERY = _IN_PATH + re.escape("?[]")
_STRANGE_IN_PATH = re.compile(f"[^{_IN_PATH}]")
_STRANGE_IN_QUERY = re.compile(f"[^{_IN_QUERY}]")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")


def request_path(text: str) -> str:
    """What the request line says for this path and query: the same, or `/` in front when there is no path.

    Raises InvalidUrl for dot segments, characters that need escaping, malformed escapes, and escapes
    of characters that need none (RFC 3986 section 6.2.2).
    """
    path, _, query = text.partition("?")
    strange = _STRANGE_IN_PATH.search(path) or _STRANGE_IN_QUERY.search(query)
    if strange:
        raise InvalidUrl(f"Write {strange.group()} percent-encoded in the path and the query.")
    _refuse_needless_escapes(text)
    if any(segment in (".", "..") for segment in path.split("/")):
        raise InvalidUrl("Write the path without the segments . and ..")
    return text if path else f"/{text}"


def _refuse_needless_escapes(text: str) -> None:
    for escape in _ESCAPE.finditer(text):
        if escape[1] is None:
            raise InvalidUrl("Two hex digits follow a % in a URL; write %25 for the character itself.")
        character = chr(int(escape[1], 16))
        if character in _UNRESERVED:
            raise InvalidUrl(f"Write {escape.group()} as {character} in the path and the query.")
