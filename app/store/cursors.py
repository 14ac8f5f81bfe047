"""Cursors of lists: where a page ended, in a form that callers have no reason to take apart.

A cursor belongs to one list of one workspace with one set of filters, which it carries as a digest. It holds no
secret: what it leads to is filtered by workspace like any other query.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from app.errors import InvalidCursor, Problem

DIGEST_BYTES = 9


def digest_list(parts: Sequence[object]) -> str:
    """Return what tells one list from another: its name, workspace and filters."""
    digest = hashlib.sha256(orjson.dumps([str(part) for part in parts])).digest()
    return base64.urlsafe_b64encode(digest[:DIGEST_BYTES]).decode()


def make_cursor(list_digest: str, position: Sequence[int | str]) -> str:
    """Return the cursor that stands after a position of a list."""
    return base64.urlsafe_b64encode(orjson.dumps([list_digest, *position])).rstrip(b"=").decode()


def read_cursor(cursor: str, list_digest: str) -> list[Any]:
    """Return the position that a cursor stands after.

    Raises:
        InvalidCursor: it is garbage, or of another list.
    """
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        content = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError:
        raise foreign_cursor() from None
    if not isinstance(content, list) or content[:1] != [list_digest]:
        raise foreign_cursor()
    return content[1:]


def foreign_cursor() -> InvalidCursor:
    """Return the error of a cursor that does not belong to the list it was given to."""
    detail = "Use the `next_cursor` of this very list with the same filters."
    return InvalidCursor(
        detail, problems=[Problem("?cursor", "does not belong to this list", "invalid_cursor")]
    )
