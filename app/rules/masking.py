"""What may be shown of a secret once its owner has seen it, and of a URL in a log."""

import hashlib
import re
from urllib.parse import urlsplit

HIDDEN = "****"

# Only our own kinds: the start of somebody else's secret may well be part of it.
_PREFIX = re.compile(r"(?:whsec|whsk|whpk|afk)_")
_SHOWN_AT_END = 4
# With fewer characters behind the prefix, four of them would be too large a part of the secret.
_SHORTEST_WITH_END_SHOWN = 16
# 64 bits: two secrets of a workspace never share one by accident, and people can compare it by eye.
_FINGERPRINT_DIGITS = 16


def mask(secret: str) -> str:
    """`whsec_****LaSw`: the prefix that tells the kind, and the last four characters.

    A secret without a prefix shows the last four only, a short one nothing but its prefix.
    """
    found = _PREFIX.match(secret)
    prefix = found.group() if found else ""
    rest = secret[len(prefix) :]
    end = rest[-_SHOWN_AT_END:] if len(rest) >= _SHORTEST_WITH_END_SHOWN else ""
    return f"{prefix}{HIDDEN}{end}"


def fingerprint(secret: str) -> str:
    """16 hex digits of the SHA-256, to tell whether two people hold the same secret.

    For random secrets only: a guessable password could be found again by trying.
    """
    return hashlib.sha256(secret.encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def drop_credentials(url: str) -> str:
    """The origin of a URL, which is all that a log may hold: paths and queries are often secrets too.

    Answers `****` for what is no URL, and hides the host as well where it cannot be told from a
    password, as in `redis://user:pass/word@host`.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return HIDDEN
    if not parts.scheme or not host:
        return HIDDEN
    if parts.scheme not in ("http", "https") and "@" in parts.path + parts.query + parts.fragment:
        return f"{parts.scheme}://{HIDDEN}"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" if port is None else f"{parts.scheme}://{shown}:{port}"
