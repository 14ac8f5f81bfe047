"""Publishing events of one's own."""

from __future__ import annotations

import re
from typing import Any

from aetherflow.arguments import check_object, check_text
from aetherflow.binding import current

_TYPE_NAME = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")
_LONGEST_TYPE_NAME = 128


def emit(event_type: str, data: dict[str, Any] | None = None) -> None:
    """Publish an event to the endpoints that subscribe to its type, such as `invoice.paid`.

    Published once for each place in a session, also when the handler runs again.

    Raises:
        ValueError: The type is not made of two or more parts of `a-z`, `0-9` and `_`, joined by dots.
        TypeError: `data` is no dict that JSON can hold.
        AetherFlowError: The type belongs to the service, or the workspace does not know it.
    """
    check_text(event_type, "event_type")
    if len(event_type) > _LONGEST_TYPE_NAME or not _TYPE_NAME.fullmatch(event_type):
        raise ValueError(
            f"{event_type!r} is no event type: two or more parts of a-z, 0-9 and _ joined by dots, "
            f"at most {_LONGEST_TYPE_NAME} characters"
        )
    current().perform("emit", {"event_type": event_type, "data": check_object(data, "data")})
