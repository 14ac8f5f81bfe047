"""The simplest way to sign: an HMAC of the body alone, in a header of its own.

It proves who wrote the body and never when, so the tolerance has nothing to look at, and a request
that somebody recorded can be sent again, with other headers too: a delivery's id is not signed either.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from app.providers.checks import judge_signature, keys_of
from app.providers.provider import SignedRequest, Verify

Spell = Callable[[bytes, bytes], bytes]
"""From a key and a body to the whole value of the header."""


def verify_body(header: str, spell: Spell) -> Verify:
    """Return the check of a provider whose signature covers the body and stands alone in `header`."""

    def verify(
        request: SignedRequest, *, secrets: Sequence[str], tolerance_seconds: int, now: datetime
    ) -> str | None:
        expected = [spell(key, request.body) for key in keys_of(secrets)]
        return judge_signature(request, header, expected=expected)

    return verify
