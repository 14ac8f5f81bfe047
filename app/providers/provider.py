"""What every inbound provider offers to the one place that receives webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class HeaderLookup(Protocol):
    """Headers as they were received, found by name whatever the case."""

    def get(self, name: str, /) -> str | None:
        """Return the value, None when there is no such header; repeated ones may come joined by ", "."""
        ...


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request whose sender is still unknown, as raw as it came."""

    method: str

    raw_url: str
    """Path and query as they were sent."""

    query: Mapping[str, str]
    """The decoded parameters of the query."""

    headers: HeaderLookup

    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send back to a provider that tries out the URL; nothing else happens then."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Verify(Protocol):
    """Decides whether a request comes from somebody who knows one of the secrets."""

    def __call__(
        self, request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
    ) -> str | None:
        """Return None when the request is genuine, else a short reason for the operator's log.

        Any of `secrets` may have signed; without a usable one nothing is genuine. A signed time may be
        up to `tolerance_seconds` away from `now`, either way. The reason is not for the caller; it
        holds no part of a secret or of the request. Never raises, whatever the request holds.
        """
        ...


class Handshake(Protocol):
    """Recognises the requests with which a provider tries out a URL, and answers them."""

    def __call__(self, request: SignedRequest, *, secret: str | None, now: datetime) -> Answer | None:
        """Return the answer to a set-up request, None for every other request.

        Asked before `verify`, because some providers do not sign these; one that does must have
        signed this one with `secret`. Never raises, whatever the request holds.
        """
        ...


def answer_nothing(request: SignedRequest, *, secret: str | None, now: datetime) -> Answer | None:
    """The handshake of a provider that has none."""
    return None


@dataclass(frozen=True, slots=True)
class Provider:
    """One sender of webhooks, or one convention of signing that many senders share."""

    name: str
    """As authors write it in `verify: {provider: ...}`."""

    verify: Verify
    handshake: Handshake = answer_nothing
