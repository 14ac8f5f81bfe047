"""What every kind of integration comes down to: a service that speaks HTTP, or a server that takes mail.

Both hold credentials, which never show in a repr.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from app.rules.integrations.findings import Finding, judge_status

Encryption = Literal["none", "starttls", "implicit"]

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HttpService:
    """An HTTP service below `base_url`; every request to it carries `headers` and `query`."""

    base_url: str
    headers: Pairs = field(default=(), repr=False)
    query: Pairs = field(default=(), repr=False)
    check_method: str = "GET"
    check_path: str = ""
    judge: Callable[[int, bytes], Finding] = lambda status_code, body: judge_status(status_code)


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that takes mail; without a user name it is asked for nothing but its greeting."""

    host: str
    port: int
    encryption: Encryption
    username: str | None = None
    password: str = field(default="", repr=False)


Service = HttpService | MailServer
