"""Limits the routes that need no key, where a stranger could try one token after the other.

Guessing 256 random bits is hopeless at any rate; the limit is for what guesses cost us. Whoever has a genuine token is
counted by it, not by their address, so that strangers behind the same proxy keep nobody from using it.
"""

import math
import time
from collections.abc import Callable

from app.errors import RateLimited
from app.rules.token_buckets import TokenBuckets

# A second, in each process. A person sends a form once, and perhaps again with a better password.
GUESSES_PER_SECOND = 5


class Guesses:
    """Counts tries by who made them."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._buckets = TokenBuckets(GUESSES_PER_SECOND, monotonic=monotonic)

    def count(self, who: str) -> None:
        """Count a try.

        Raises:
            RateLimited: there were too many.
        """
        _, wait_seconds = self._buckets.take(who)
        if wait_seconds is not None:
            raise RateLimited(
                f"This may be tried {GUESSES_PER_SECOND} times a second.",
                headers={"Retry-After": str(math.ceil(wait_seconds))},
            )
