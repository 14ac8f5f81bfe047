"""A protocol that takes every method: its parser knows some forty, and handlers may be called with any token.

A request of another method is parsed as a POST, which may have a body as it may, and gets its own method back before
anybody sees it. Only the first bytes of a request are looked at: in the middle of one they belong to its body. A
method that the parser does not know is refused in a request that came, unasked, in one packet with the one before.
"""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# What nearly all requests are; they are left as they came. CONNECT asks for a tunnel, which we have not.
LEFT_ALONE = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"CONNECT"})

STAND_IN = b"POST"

# The longest method that is registered has 17 characters.
MOST_CHARACTERS = 64

# RFC 9110 section 5.6.2.
TOKEN = re.compile(rb"[!#$%%&'*+\-.^_`|~0-9A-Za-z]{1,%d}" % MOST_CHARACTERS)


class AnyMethodProtocol(HttpToolsProtocol):
    """uvicorn's protocol, for any method."""

    _is_between_requests = True
    _method_begun = b""
    _method: str | None = None

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._is_between_requests and not (data := self._stand_in(self._method_begun + data)):
            return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._is_between_requests = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the application, which looks at the method in a later turn of the loop."""
        super().on_headers_complete()
        if self._method is not None:
            self.scope["method"], self._method = self._method, None

    def on_message_complete(self) -> None:
        """End a request."""
        self._is_between_requests = True
        super().on_message_complete()

    def _stand_in(self, data: bytes) -> bytes:
        """Return the beginning of a request as the parser takes it; nothing until the method is there whole."""
        self._method_begun = b""
        found = TOKEN.match(data)
        # What is no token, the parser refuses.
        if found is None or found[0] in LEFT_ALONE:
            return data
        end = found.end()
        if end == len(data) and end < MOST_CHARACTERS:
            self._method_begun = data
            return b""
        if data[end : end + 1] != b" ":
            return data
        self._method = found[0].decode()
        return STAND_IN + data[end:]
