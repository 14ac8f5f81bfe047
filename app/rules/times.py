"""Times as callers write them: RFC 3339, section 5.6."""

import re
from datetime import UTC, datetime

# Without leap seconds: no clock here shows them, and most receivers' parsers refuse them. Digits beyond
# nanoseconds mean nothing, but a bound far above keeps what is stored small.
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?P<fraction>\.\d{1,32})?"
    r"(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)

_OFFSETS_OF_UTC = ("Z", "z", "+00:00", "-00:00")


def parse_time(text: str) -> datetime | None:
    """Return a time in UTC, cut to microseconds; None when it is none, or lies outside the years 1 to 9999."""
    if _RFC3339.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def write_in_utc(text: str) -> str | None:
    """Return an RFC 3339 time in UTC with a `Z`, or None when it is none.

    A time that is in UTC already keeps its digits; another one keeps up to six digits of its fraction.
    """
    moment, match = parse_time(text), _RFC3339.fullmatch(text)
    if moment is None or match is None:
        return None
    if match["offset"] in _OFFSETS_OF_UTC:
        return text.upper()[: match.start("offset")] + "Z"
    return moment.replace(tzinfo=None).isoformat() + "Z"
