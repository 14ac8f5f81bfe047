"""Lists of the API, a page at a time or row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable

from aetherflow.webhooks.api_errors import ApiError
from aetherflow.webhooks.response import JsonObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aetherflow.webhooks.transport import Transport


@dataclass(frozen=True)
class Page:
    """Rows of a list, newest first, and the cursor of the page after it (None on the last one)."""

    data: list[JsonObject]
    next_cursor: str | None
    _fetch: Callable[[str], Page] = field(repr=False, compare=False)

    def next_page(self) -> Page | None:
        """Fetches the next page; None on the last one. Raises ApiError."""
        return None if self.next_cursor is None else self._fetch(self.next_cursor)

    def rows(self) -> Iterator[JsonObject]:
        """The rows of this page and of all that follow, which are fetched as the iteration gets there."""
        page: Page | None = self
        while page is not None:
            yield from page.data
            page = page.next_page()


def fetch_page(transport: Transport, path: str, query: Mapping[str, object]) -> Page:
    """The first page of a list, or the one that the query's `cursor` points to."""
    answer = transport.request("GET", path, query=query).json_object()
    data, next_cursor = answer.get("data"), answer.get("next_cursor")
    if not isinstance(data, list) or not (next_cursor is None or isinstance(next_cursor, str)):
        raise ApiError("the answer is not a page of a list", status=200, code="malformed_answer")
    return Page(data, next_cursor, lambda cursor: fetch_page(transport, path, {**query, "cursor": cursor}))
