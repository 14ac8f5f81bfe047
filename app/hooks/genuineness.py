"""Whether a request comes from the provider that its trigger names."""

from datetime import datetime
from urllib.parse import parse_qsl

import structlog
from starlette.types import Send

from app.errors import BadSignature
from app.hooks.asked import Asked
from app.hooks.sending import respond
from app.inbound.addresses import Address
from app.providers import SignedRequest, find_provider

log = structlog.get_logger()


async def shake_hands(address: Address, asked: Asked, send: Send, *, now: datetime) -> bool:
    """Answer a provider's own set-up request; returns whether it was one."""
    verify = address.spec.verify
    if verify is None:
        return False
    secret = address.secrets[0] if address.secrets else None
    answer = find_provider(verify.provider).handshake(as_signed(asked), secret=secret, now=now)
    if answer is None:
        return False
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    await respond(send, answer.status, headers, answer.body)
    return True


def find_fault(address: Address, asked: Asked, *, now: datetime) -> str | None:
    """Return why a request is not the provider's; None if it is, or if the trigger does not ask."""
    verify = address.spec.verify
    if verify is None:
        return None
    return find_provider(verify.provider).verify(
        as_signed(asked), secrets=address.secrets, tolerance_seconds=verify.tolerance, now=now
    )


def require_genuine(address: Address, asked: Asked, *, now: datetime) -> None:
    """Check the signature of a request.

    Raises:
        BadSignature: it is not the provider's.
    """
    reason = find_fault(address, asked, now=now)
    if reason is not None:
        log.info("request_not_genuine", trigger=address.trigger_id, reason=reason)
        raise BadSignature


def as_signed(asked: Asked) -> SignedRequest:
    """Return a request as providers look at it."""
    query = dict(parse_qsl(asked.raw_url.partition("?")[2], keep_blank_values=True, errors="replace"))
    return SignedRequest(asked.method, asked.raw_url, query, asked.headers, asked.body)
