"""What the handshakes of several providers share: reading their requests and writing their answers.

A handshake may send back what anybody has put into a request, on the origin of the service. Hence
three fences around everything that is reflected: it is short and of visible ASCII without angle
brackets; it is plain text or JSON that browsers may not take for anything else; and it never becomes
part of a header.
"""

import re
from typing import Any, Final

import orjson

from app.providers.provider import Answer, SignedRequest

# A trigger's own tolerance is for its events; for set-up requests this is what providers recommend.
TOLERANCE_SECONDS: Final = 300

# Real ones stay below 1 KiB. More is not parsed, so that a large event costs nothing here.
_MOST_BODY_BYTES = 16 * 1024

# The longest tokens are those of Microsoft, some hundred characters; without < and > there is no markup.
_REFLECTABLE = re.compile(r"[ -;=?-~]{1,1024}")

_FENCES = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox"),
    ("Cache-Control", "no-store"),
)


def parse_setup(request: SignedRequest) -> dict[str, Any] | None:
    """Return the JSON object in the body of a POST; None for what is too large or anything else."""
    if request.method != "POST" or len(request.body) > _MOST_BODY_BYTES:
        return None
    try:
        content = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return None
    return content if isinstance(content, dict) else None


def reflect_text(token: object) -> Answer | None:
    """Answer with the token itself as plain text; None when it is nothing that may be sent back."""
    if not isinstance(token, str) or not _REFLECTABLE.fullmatch(token):
        return None
    return _answer("text/plain; charset=utf-8", token.encode("ascii"))


def answer_json(content: dict[str, Any]) -> Answer:
    """Answer with a JSON object."""
    return _answer("application/json", orjson.dumps(content))


def answer_no_content() -> Answer:
    """Answer that all is well, and nothing else; with a content type, for which Discord asks even here."""
    return _answer("application/json", b"", status=204)


def _answer(content_type: str, body: bytes, *, status: int = 200) -> Answer:
    return Answer(status, (("Content-Type", content_type), *_FENCES), body)
