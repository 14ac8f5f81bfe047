"""Texts of an operation that databases can hold.

Names and ids become columns, and a memo becomes a document: PostgreSQL takes no U+0000 in either, and half of a
surrogate pair has no UTF-8. What is kept as JSON text is not concerned, since it is written with escapes.
"""

from collections.abc import Mapping
from typing import Any

from app.runner.handler_errors import HandlerError

# Filters say in their own words what is wrong with them; a body is base64.
KEPT_AS_JSON = frozenset({"data", "value", "expected", "payload", "values", "filter", "body_base64"})


def check_texts(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that no row could hold.

    Raises:
        HandlerError: one has a character that no text has.
    """
    for name, value in arguments.items():
        if name not in KEPT_AS_JSON and not is_plain(value):
            raise HandlerError(
                f"{name} has a character that no text has: U+0000 or half a surrogate pair", kind="ValueError"
            )


def is_plain(value: Any) -> bool:
    """Whether every text in a value, however deep, can be kept."""
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, dict):
            pending += [*inner.keys(), *inner.values()]
        elif isinstance(inner, list):
            pending += inner
        elif isinstance(inner, str) and ("\0" in inner or not has_utf8(inner)):
            return False
    return True


def has_utf8(text: str) -> bool:
    """Whether a text can be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
