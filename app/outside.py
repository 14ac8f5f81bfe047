"""The way out to other people's services, as those see it who have a reason to go there.

They know only the `Outside` protocol; `delivery.outside` goes there, through the egress guard. What the world does
is a value, never an exception: no connection, no answer, a mail server that refuses.
"""

from dataclasses import dataclass, field
from typing import Protocol

from app.rules.integrations.services import MailServer, Pairs
from app.rules.lifecycle import ResultClass

# Of an answer's body. A handler gets it whole or not at all.
MOST_ANSWER_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request; `path` with its query is what stands on the request line. Both may hold credentials."""

    base_url: str
    method: str
    path: str = field(repr=False)
    headers: Pairs = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came of a request. Without a `status_code`, `error` says in a sentence why there was no answer."""

    result: ResultClass
    status_code: int | None = None
    headers: Pairs = ()
    body: bytes = b""
    is_cut: bool = False
    """Whether the body had more than MOST_ANSWER_BYTES."""
    error: str | None = None
    was_sent: bool = True
    """Whether the request may have reached the service."""


@dataclass(frozen=True, slots=True)
class MailAnswer:
    """What came of a visit to a mail server: `code` is None when all went well.

    Else it is as `app.rules.integrations.findings.code_of` has it, `CREDENTIALS_REFUSED`, or `SMTP_550`.
    """

    code: str | None = None
    error: str = ""
    was_sent: bool = False
    """Whether the server may have taken the mail."""
    refused: tuple[str, ...] = ()
    """Recipients that the server did not take although it took others."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A message, and who it is from and for."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)


class Outside(Protocol):
    """Goes out to other people's services. No transaction may be open meanwhile."""

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Send one request, once, and follow no redirect."""

    async def visit(self, server: MailServer, mail: Mail | None, *, timeout_seconds: float) -> MailAnswer:
        """Log in to a mail server, and leave a mail there if one is given."""

    async def close(self) -> None:
        """Let go of what is open."""
