"""How many requests a key may make in a second, per process.

A token bucket: full it holds one second's worth, and it fills steadily, so a caller that keeps to the rate is
never refused. Told in the headers of draft-ietf-httpapi-ratelimit-headers.
"""

import math
from collections.abc import Callable

from app.errors import RateLimited
from app.settings import Settings

# Buckets remembered; beyond that the full ones, which say nothing, are dropped.
MOST_BUCKETS = 10_000


class Bucket:
    """What one key has left of one limit."""

    __slots__ = ("at", "left")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at


class RateLimits:
    """Counts requests by key; publishing has a limit of its own."""

    def __init__(self, settings: Settings, *, monotonic: Callable[[], float]) -> None:
        self._limits = {False: settings.api_rate_limit, True: settings.publish_rate_limit}
        self._policies = {
            publishing: f'"{"publish" if publishing else "api"}";q={limit};w=1'.encode()
            for publishing, limit in self._limits.items()
        }
        self._monotonic = monotonic
        self._buckets: dict[tuple[str, bool], Bucket] = {}

    def count(self, key_id: str, *, publishing: bool) -> list[tuple[bytes, bytes]]:
        """Count a request and return the headers that tell what is left.

        Raises:
            RateLimited: nothing is left.
        """
        limit = self._limits[publishing]
        now = self._monotonic()
        bucket = self._buckets.get((key_id, publishing))
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[(key_id, publishing)] = Bucket(limit, now)
        bucket.left = min(limit, bucket.left + (now - bucket.at) * limit)
        bucket.at = now
        name = "publish" if publishing else "api"
        if bucket.left < 1:
            headers = {
                "Retry-After": str(math.ceil((1 - bucket.left) / limit)),
                "RateLimit-Policy": self._policies[publishing].decode(),
                "RateLimit": f'"{name}";r=0;t=1',
            }
            raise RateLimited(f"This API key may make {limit} such requests a second.", headers=headers)
        bucket.left -= 1
        return [
            (b"ratelimit-policy", self._policies[publishing]),
            (b"ratelimit", b'"%b";r=%d;t=1' % (name.encode(), bucket.left)),
        ]

    def _make_room(self, now: float) -> None:
        if len(self._buckets) >= MOST_BUCKETS:
            self._buckets = {key: b for key, b in self._buckets.items() if now - b.at < 1}
