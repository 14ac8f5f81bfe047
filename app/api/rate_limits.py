"""How many requests a key may make in a second, per process.

Told in the headers of draft-ietf-httpapi-ratelimit-headers.
"""

import math
from collections.abc import Callable

from app.errors import RateLimited
from app.rules.token_buckets import TokenBuckets
from app.settings import Settings

NAMES = {False: "api", True: "publish"}


class RateLimits:
    """Counts requests by key; publishing has a limit of its own."""

    def __init__(self, settings: Settings, *, monotonic: Callable[[], float]) -> None:
        self._buckets = {
            False: TokenBuckets(settings.api_rate_limit, monotonic=monotonic),
            True: TokenBuckets(settings.publish_rate_limit, monotonic=monotonic),
        }
        self._policies = {
            publishing: f'"{NAMES[publishing]}";q={buckets.limit};w=1'.encode()
            for publishing, buckets in self._buckets.items()
        }

    def count(self, key_id: str, *, publishing: bool) -> list[tuple[bytes, bytes]]:
        """Count a request and return the headers that tell what is left.

        Raises:
            RateLimited: nothing is left.
        """
        buckets, name = self._buckets[publishing], NAMES[publishing]
        left, wait_seconds = buckets.take(key_id)
        if wait_seconds is not None:
            headers = {
                "Retry-After": str(math.ceil(wait_seconds)),
                "RateLimit-Policy": self._policies[publishing].decode(),
                "RateLimit": f'"{name}";r=0;t=1',
            }
            raise RateLimited(
                f"This API key may make {buckets.limit} such requests a second.", headers=headers
            )
        return [
            (b"ratelimit-policy", self._policies[publishing]),
            (b"ratelimit", b'"%b";r=%d;t=1' % (name.encode(), left)),
        ]
