"""Tokens of invitations: what stands in the link that somebody is sent.

1. A token is sealed by the keyring, which authenticates it: one that we did not make, or that was changed in any
   bit, is told without asking the database. It opens as long as the ring has the key that sealed it.
2. In it are the invitation's id, its end, and 256 random bits. The database has only the SHA-256 of the whole, so
   neither the database nor the keyring alone is enough to make one.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime

from app.errors import InternalError, Misconfigured
from app.rules.ids import make_id
from app.store.columns import from_microseconds, to_microseconds
from app.store.sealing import Keyring, seal_context

# So that a token is known for what it is wherever it turns up.
PREFIX = "afi_"

SECRET_BYTES = 32
_ID_BYTES = 16
_TIME_BYTES = 8

# Never that of a row, which has a workspace.
_CONTEXT = seal_context("", "", "invitation token")


@dataclass(frozen=True, slots=True)
class OpenedToken:
    """What a genuine token says."""

    invitation_id: str
    expires_at: datetime


def make_token(invitation_id: str, expires_at: datetime, *, secret: bytes, keyring: Keyring) -> str:
    """Return the token of an invitation; `secret` is `SECRET_BYTES` of chance."""
    number = bytes.fromhex(invitation_id.removeprefix("inv_"))
    plain = number + to_microseconds(expires_at).to_bytes(_TIME_BYTES) + secret
    return PREFIX + base64.urlsafe_b64encode(keyring.seal(plain, context=_CONTEXT)).rstrip(b"=").decode()


def open_token(token: str, *, keyring: Keyring) -> OpenedToken | None:
    """Return what a token says, or None when we did not make it or lack the key."""
    encoded = token.removeprefix(PREFIX)
    try:
        sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        plain = keyring.open(sealed, context=_CONTEXT)
    except (ValueError, InternalError, Misconfigured):
        return None
    number, moment = plain[:_ID_BYTES], plain[_ID_BYTES : _ID_BYTES + _TIME_BYTES]
    return OpenedToken(make_id("inv", number), from_microseconds(int.from_bytes(moment)))


def digest_token(token: str) -> bytes:
    """Return what is kept of a token. It is the text's, so each invitation has one spelling of its token."""
    return hashlib.sha256(token.encode()).digest()
