"""Follows the deliveries of a workspace by asking again and again.

Each round reads the newest deliveries, as many pages as there are new ones, and looks one by one at some of
those that were unfinished when they left the first page. So a round costs a few requests, however busy the
workspace is; what is far down the list is noticed a little later.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from app.cli.connection import to_line
from app.cli.output import remark, show, show_time
from app.cli.resources.lists import PAGE_ROWS

if TYPE_CHECKING:
    from aetherflow.webhooks import Client

Delivery = dict[str, Any]

PAUSE_SECONDS = 1.0

# What was there before is shown as far as a person wants to be reminded of it.
FIRST_ROWS = 10

# New deliveries read in one round: 2,000. Where more come in a second nobody can read them.
MOST_PAGES = 20

# Unfinished deliveries outside the first page that one round looks at.
LOOKS = 20

# Deliveries remembered, so that watching for days does not fill the memory.
MOST_KNOWN = 10_000


def follow(client: "Client", *, endpoint_id: str | None, tell: Callable[[Delivery], None]) -> None:
    """Tell of the last deliveries and then of each that is new or has changed, the oldest first. Never ends.

    A server that goes away later is asked again until it is back.

    Raises:
        ApiError: the first request fails, or the key no longer serves.
    """
    from aetherflow.webhooks import RateLimitedError, UnavailableError

    watch = Watch(client, endpoint_id)
    for row in watch.begin():
        tell(row)
    away = False
    while True:
        time.sleep(PAUSE_SECONDS)
        try:
            rows = watch.look()
        except (RateLimitedError, UnavailableError) as error:
            if not away:
                remark(f"{to_line(error)}; asking again")
            away = True
            continue
        away = False
        for row in rows:
            tell(row)


class Watch:
    """What is known of the deliveries so far."""

    def __init__(self, client: "Client", endpoint_id: str | None) -> None:
        self._client = client
        self._endpoint_id = endpoint_id
        self._known: OrderedDict[str, tuple[Any, ...]] = OrderedDict()
        self._unfinished: OrderedDict[str, None] = OrderedDict()

    def begin(self) -> list[Delivery]:
        """Take what is there as known and return the last of it, the oldest first."""
        rows = self._read_page(None)["data"]
        for row in reversed(rows):
            self._note(row)
        return list(reversed(rows[:FIRST_ROWS]))

    def look(self) -> list[Delivery]:
        """Return what is new or has changed since the last look, the oldest first."""
        page = self._read_page(None)
        rows = list(page["data"])
        pages = 1
        while page["next_cursor"] and pages < MOST_PAGES and rows[-1]["id"] not in self._known:
            page = self._read_page(page["next_cursor"])
            rows += page["data"]
            pages += 1
        seen = {row["id"] for row in rows}
        for delivery_id in [id_ for id_ in self._unfinished if id_ not in seen][:LOOKS]:
            rows += self._read_one(delivery_id)
        return [row for row in sorted(rows, key=born) if self._note(row)]

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        query = {"endpoint_id": self._endpoint_id, "limit": PAGE_ROWS, "cursor": cursor}
        return self._client.request("GET", "/deliveries", query=query).json_object()

    def _read_one(self, delivery_id: str) -> list[Delivery]:
        """Return a delivery, or nothing when it has been pruned meanwhile."""
        from aetherflow.webhooks import NotFoundError

        try:
            return [self._client.deliveries.get(delivery_id)]
        except NotFoundError:
            del self._unfinished[delivery_id]
            return []

    def _note(self, row: Delivery) -> bool:
        """Remember a delivery; returns whether that is news."""
        state = (row["status"], row["attempt_count"])
        is_news = self._known.get(row["id"]) != state
        self._known[row["id"]] = state
        self._unfinished.pop(row["id"], None)
        if row["status"] == "pending":
            # At the end, so that the next look is at those that waited longest.
            self._unfinished[row["id"]] = None
        for kept in (self._known, self._unfinished):
            if len(kept) > MOST_KNOWN:
                kept.popitem(last=False)
        return is_news


def born(row: Delivery) -> tuple[str, str]:
    """Return what deliveries are ordered by."""
    return row["created_at"], row["id"]


def show_line(row: Delivery) -> str:
    """Return a delivery as a line; ids first would push what changes out of sight."""
    when = show_time(row["finished_at"] or row["created_at"])
    tries = f"attempt {row['attempt_count']}" if row["attempt_count"] else "no attempt"
    retried = f", again {show_time(row['next_attempt_at'])}" if is_waiting(row) else ""
    parts = [when, f"{row['status']:<9}", row["id"], show(row["event"]), row["endpoint_id"], tries + retried]
    return "  ".join(parts)


def is_waiting(row: Delivery) -> bool:
    """Whether a delivery failed before and is tried again."""
    return row["status"] == "pending" and row["attempt_count"] > 0 and row["next_attempt_at"] is not None
