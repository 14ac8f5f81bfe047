"""How values are written for the service: JSON without spaces, and RFC 3339 times in UTC."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any


def json_bytes(value: Any) -> bytes:
    """Compact UTF-8 JSON.

    Raises TypeError for what JSON has no form for, and ValueError for NaN, infinities and lone
    surrogates, which the service would refuse.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def time_text(moment: datetime | str) -> str:
    """A moment in RFC 3339, with `Z` and milliseconds; text passes as it is.

    Raises ValueError for a datetime without a time zone: it would mean another moment on each machine.
    """
    if isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        raise ValueError("a datetime needs a time zone, for example datetime.now(timezone.utc)")
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
