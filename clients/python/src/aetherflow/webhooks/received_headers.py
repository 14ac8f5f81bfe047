"""The few headers that a check needs, read from whatever a web framework calls its headers.

Frameworks hand over mappings, multi-dictionaries or lists of pairs, of text or of bytes. Names are
compared as ASCII without regard to case: full Unicode case folding would let a Kelvin sign pass for
a `k`. A header that is there twice is refused rather than joined or chosen from, because two parts of
a system that choose differently are how a forged value gets past the part that checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, Union

from aetherflow.webhooks.verification_error import WebhookVerificationError


class HasItems(Protocol):
    """A mapping, a multi-dictionary, or the headers of `http.server`, which are neither."""

    def items(self) -> Iterable[tuple[Any, Any]]: ...


Text = Union[str, bytes]
Headers = Union[HasItems, Iterable[tuple[Text, Text]]]

MESSAGE_ID = "webhook-id"
MESSAGE_TIMESTAMP = "webhook-timestamp"
MESSAGE_SIGNATURES = "webhook-signature"
BODY_SIGNATURE = "x-aetherflow-signature"
OTHER_BODY_SIGNATURE = "x-aetherflow-signature-2"

_READ = frozenset((MESSAGE_ID, MESSAGE_TIMESTAMP, MESSAGE_SIGNATURES, BODY_SIGNATURE, OTHER_BODY_SIGNATURE))


class ReceivedHeaders:
    """Headers by lower-case name. Other headers than the five above are not even looked at."""

    def __init__(self, headers: Headers) -> None:
        self._values: dict[str, list[object]] = {}
        for name, value in _pairs(headers):
            known = _known_name(name)
            if known is not None:
                self._values.setdefault(known, []).append(value)

    def find(self, name: str) -> str | None:
        """The value without the white space around it; None when the header is absent or empty.

        Raises WebhookVerificationError `malformed_header` when it is there twice or is not ASCII.
        """
        values = self._values.get(name, [])
        if len(values) > 1:
            raise WebhookVerificationError("malformed_header", f"{name} is there more than once")
        return _ascii_text(name, values[0]).strip(" \t") or None if values else None

    def find_each(self, *names: str) -> list[str]:
        """The values of those of the headers that `find` finds."""
        return [value for value in map(self.find, names) if value is not None]

    def require(self, name: str) -> str:
        """As `find`, but raises WebhookVerificationError `missing_header` instead of answering None."""
        value = self.find(name)
        if value is None:
            raise WebhookVerificationError("missing_header", f"{name} is absent or empty")
        return value


def _pairs(headers: Any) -> list[tuple[object, object]]:
    try:
        items = headers.items() if hasattr(headers, "items") else headers
        return [(name, value) for name, value in items]
    except (TypeError, ValueError):
        raise WebhookVerificationError("malformed_header", "the headers are no mapping or pairs") from None


def _known_name(name: object) -> str | None:
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    if not isinstance(name, str) or not name.isascii():
        return None
    lowered = name.lower()
    return lowered if lowered in _READ else None


def _ascii_text(name: str, value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str) or not value.isascii():
        raise WebhookVerificationError("malformed_header", f"{name} is not ASCII text")
    return value
