"""What every signature scheme offers to the one place that composes the headers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.signatures.keys import SigningKeys

Content = Literal["body", "stamped body"]
"""What a signature covers: the body alone, or the bytes `event id . Unix seconds . body`.

A scheme of the first kind writes header lines of its own, each ended by CRLF. One of the second kind
writes its entries for the shared header `webhook-signature`, separated by single spaces.
"""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to sign a delivery."""

    name: str
    """As customers write it in an endpoint's `schemes`."""

    covers: Content

    write: Callable[[SigningKeys, bytes], bytes]
    """From an endpoint's keys and the content to header lines or entries, as `covers` says."""
