"""Reads the answer to one request, within limits, and says whether the connection may carry another.

llhttp (through httptools) decides where an answer begins and ends, in its strict mode: two
Content-Lengths, a Content-Length beside a Transfer-Encoding, bare line feeds and folded headers are
refused. Nothing in here reads the framing in a second way that could disagree with it.
"""

import msgspec
from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

# Of an answer to a delivery, as it comes over the wire: heads, chunk sizes and informational answers count, nothing
# is decompressed.
RESPONSE_LIMIT_BYTES = 64 * 1024
# What is kept of it for people to look at. The limit above bounds the work, these two the storage.
BODY_KEPT_BYTES = 16 * 1024
HEADERS_KEPT_BYTES = 16 * 1024

_FINAL_STATUSES = range(200, 600)
_SWITCHING_PROTOCOLS = 101
_LINE_END = b"\r\n"
_HEAD_END = b"\r\n\r\n"


class Limits(msgspec.Struct, frozen=True):
    """How much of an answer is read, and how much of its body is kept."""

    answer_bytes: int = RESPONSE_LIMIT_BYTES
    body_bytes: int = BODY_KEPT_BYTES


# Of deliveries, whose answers are for people to look at.
DELIVERY_LIMITS = Limits()


class Response:
    """The answer to the request that `begin` announced, as far as `feed` has brought it.

    `status` is the final status, 0 until its head is whole; informational answers (1xx) are skipped.
    `error` is a sentence when what came is no valid answer. `complete` tells that head and body came
    whole. An answer may also end by reaching the limit in its body: then it counts, with `truncated`.
    """

    __slots__ = (
        "_chunks",
        "_head",
        "_head_start",
        "_limits",
        "_lines",
        "_lowered",
        "_parser",
        "_received_bytes",
        "_surplus",
        "body_bytes",
        "complete",
        "error",
        "keeps_alive",
        "status",
    )

    def __init__(self, limits: Limits = DELIVERY_LIMITS) -> None:
        self._limits = limits
        self._parser = HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Forgets the answer before. The one before must have left the connection `reusable`."""
        self.status = 0
        self.error: str | None = None
        self.complete = False
        self.keeps_alive = False
        self.body_bytes = 0
        self._chunks: list[bytes] = []
        self._head = b""
        self._head_start = 0
        self._lines = b""
        self._lowered = b""
        self._received_bytes = 0
        self._surplus = False

    def feed(self, data: bytes) -> bool:
        """Takes in what arrived; whether the answer has ended, by itself, by an error or at the limit."""
        self._received_bytes += len(data)
        excess = self._received_bytes - self._limits.answer_bytes
        if excess > 0:
            data = data[:-excess]
            self._surplus = True
        if not self.status:
            self._head += data
        try:
            self._parser.feed_data(data)
        except HttpParserCallbackError:
            raise  # One of the methods below has a bug, which is not the receiver's doing.
        except (HttpParserError, HttpParserUpgrade) as error:
            self._surplus = True
            if not self.complete and self.error is None:
                self.error = f"the answer is not valid HTTP/1.1 ({error})"
        if self.complete or self.error is not None:
            return True
        if excess > 0 and not self.status:
            self.error = f"the head of the answer is over {self._limits.answer_bytes // 1024} KiB"
        return excess > 0

    def feed_eof(self, *, reset: bool = False) -> None:
        """The connection has ended: the end of a body without any framing, an error otherwise."""
        self._surplus = True
        if self.status and self.error is None and not reset and not self._is_framed():
            self.complete = True
        elif self.error is None:
            how = "reset" if reset else "closed"
            where = "in the middle of the answer" if self._received_bytes else "before an answer came"
            self.error = f"the connection was {how} {where}"

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request: nothing is left of this answer, nor too much."""
        return self.complete and self.keeps_alive and not self._surplus and self.error is None

    @property
    def started(self) -> bool:
        return self._received_bytes > 0

    @property
    def headers(self) -> bytes:
        """Lines `name: value` as they came, each ending in CR LF; whole lines of the first 16 KiB."""
        lines = self._lines[len(_LINE_END) :]
        if len(lines) <= HEADERS_KEPT_BYTES:
            return lines
        return lines[: lines.rfind(_LINE_END, 0, HEADERS_KEPT_BYTES) + len(_LINE_END)]

    @property
    def body(self) -> bytes:
        """The beginning of the body, as long as it is kept, free of its chunk framing, compressed if it came so."""
        return b"".join(self._chunks)[: self._limits.body_bytes]

    @property
    def truncated(self) -> bool:
        """Whether the body had more than `body` shows, or did not come whole."""
        return self.status > 0 and (self.body_bytes > self._limits.body_bytes or not self.complete)

    def header(self, name: bytes) -> str | None:
        """The first value under the name, which is given in lower case."""
        found = self._lowered.find(b"\n" + name + b":")
        if found < 0:
            return None
        start = found + len(name) + 2
        value = self._lines[start : self._lines.index(_LINE_END, start)]
        return value.decode("latin-1").strip(" \t")

    # The parser calls the following methods.

    def on_message_begin(self) -> None:
        if self.complete:
            self._surplus = True

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self._parser.get_status_code()
        start = self._head_start
        end = self._head.find(_HEAD_END, start)
        if end < 0 or not self._head.startswith(b"HTTP/1.", start):
            self.error = "the answer is not valid HTTP/1.1"
        elif status in _FINAL_STATUSES:
            self.status = status
            self._lines = self._head[self._head.find(_LINE_END, start) : end + len(_LINE_END)]
            self._lowered = self._lines.lower()
        elif 100 <= status < 200 and status != _SWITCHING_PROTOCOLS:
            self._head_start = end + len(_HEAD_END)
        else:
            self.error = f"the answer has the status {status}, which cannot end an exchange"

    def on_body(self, chunk: bytes) -> None:
        if self.complete:
            return
        if self.body_bytes < self._limits.body_bytes:
            self._chunks.append(chunk)
        self.body_bytes += len(chunk)

    def on_message_complete(self) -> None:
        if self.status:
            self.complete = True
            self.keeps_alive = self._parser.should_keep_alive()

    def _is_framed(self) -> bool:
        """Whether the answer says itself where it ends (RFC 9112 section 6.3)."""
        coding = self.header(b"transfer-encoding") or ""
        return "chunked" in coding.lower() or self.header(b"content-length") is not None
