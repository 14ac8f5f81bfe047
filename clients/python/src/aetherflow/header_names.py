"""Names of headers: which there can be, and how they are written."""

import re

# RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def is_header_name(name: str) -> bool:
    """Whether HTTP allows this name."""
    return _TOKEN.fullmatch(name) is not None


def canonical_name(name: str) -> str:
    """Return a header's name with each of its words capitalised, or as it is when it is no token."""
    if not is_header_name(name):
        return name
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))
