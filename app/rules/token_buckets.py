"""How many requests a key may make in a second.

A bucket is full with one second's worth, and fills steadily, so a caller that keeps to the rate is never refused.
"""

from collections.abc import Callable

# Buckets remembered; beyond that the full ones, which say nothing, are dropped.
MOST_BUCKETS = 10_000


class Bucket:
    """What one key has left."""

    __slots__ = ("at", "left")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at


class TokenBuckets:
    """The buckets of many keys, which have the same limit a second."""

    def __init__(self, limit: int, *, monotonic: Callable[[], float]) -> None:
        self.limit = limit
        self._monotonic = monotonic
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: str) -> tuple[int, float | None]:
        """Count a request; returns how many whole ones are left, and None or the seconds until one is allowed."""
        now = self._monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[key] = Bucket(self.limit, now)
        bucket.left = min(self.limit, bucket.left + (now - bucket.at) * self.limit)
        bucket.at = now
        if bucket.left < 1:
            return 0, (1 - bucket.left) / self.limit
        bucket.left -= 1
        return int(bucket.left), None

    def _make_room(self, now: float) -> None:
        if len(self._buckets) >= MOST_BUCKETS:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket.at < 1}
