"""How many attempts may be in flight to one endpoint at a time.

The limit is found by trying. It doubles while attempts succeed and more work waits, and halves when the
endpoint shows that it has too much: time-outs, connections that do not come about, 429 and 503.
Other answers, errors included, say nothing about load and leave it alone.

1. Growth needs as many successes in a row as the limit allows attempts at once, each with work waiting:
   one full round has to go well before the next is twice as large. Successes without work waiting do
   not count, since they do not show that the limit could be reached.
2. A full round that was in flight when the limit halved tells nothing new, so after a halving from L
   the next L - 1 results are passed over. Sixteen time-outs that arrive together make 8 out of 16, not 1.
3. An endpoint that answers nothing still gets from L to 1 within fewer than 2 L results.
"""

from app.rules.lifecycle import ResultClass

FIRST_LIMIT = 16
HIGHEST_LIMIT = 256
LOWEST_LIMIT = 1

_SERVICE_UNAVAILABLE = 503
_SUCCESS = ResultClass.SUCCESS
_OVERLOAD = frozenset(
    {
        ResultClass.TIMEOUT,
        ResultClass.DNS,
        ResultClass.CONNECT,
        ResultClass.TLS,
        ResultClass.TOO_MANY_REQUESTS,
    }
)


class AdaptiveLimit:
    """The limit of one endpoint. Called for every attempt, by one thread, so it keeps plain numbers."""

    __slots__ = ("_fixed", "_passed_over", "_successes", "limit")

    limit: int

    def __init__(self, fixed: int | None = None) -> None:
        """`fixed` is the concurrency that the endpoint's owner chose, which never changes."""
        self._fixed = fixed is not None
        self.limit = FIRST_LIMIT if fixed is None else fixed
        self._successes = 0
        self._passed_over = 0

    def record(self, result: ResultClass, *, work_waits: bool, status_code: int | None = None) -> None:
        """Takes in how an attempt ended; `work_waits` says whether others wait for a place.

        `status_code` tells a 503, which counts as too much load, from the rest of the 5xx.
        """
        if self._fixed:
            return
        if self._passed_over:
            self._passed_over -= 1
        elif result == _SUCCESS:
            if work_waits:
                self._count_success()
        else:
            self._successes = 0
            if result in _OVERLOAD or status_code == _SERVICE_UNAVAILABLE:
                self._halve()

    def _count_success(self) -> None:
        self._successes += 1
        if self._successes >= self.limit:
            self._successes = 0
            self.limit = min(HIGHEST_LIMIT, self.limit * 2)

    def _halve(self) -> None:
        self._passed_over = self.limit - 1
        self.limit = max(LOWEST_LIMIT, self.limit // 2)
