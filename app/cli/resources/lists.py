"""Lists of the API, cut to as many rows as a person asked for."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.cli.output import print_json, print_table, remark, show, show_time

if TYPE_CHECKING:
    from aetherflow.webhooks import Client

# The most that the API gives at once.
PAGE_ROWS = 100


def fetch(
    client: "Client", path: str, *, limit: int, cursor: str | None, query: Mapping[str, Any]
) -> dict[str, Any]:
    """Return up to `limit` rows as one page: `{"data", "next_cursor"}`.

    Raises:
        ApiError: whatever the API says.
    """
    rows: list[dict[str, Any]] = []
    while True:
        page_query = {**query, "limit": min(limit - len(rows), PAGE_ROWS), "cursor": cursor}
        page = client.request("GET", path, query=page_query).json_object()
        rows += page["data"]
        cursor = page["next_cursor"]
        if cursor is None or len(rows) >= limit:
            return {"data": rows, "next_cursor": cursor}


def print_page(page: Mapping[str, Any], output: str, columns: Sequence[tuple[str, str]]) -> None:
    """Print a page; `columns` are (title, member) of what a table shows."""
    if output == "json":
        print_json(page)
        return
    names = [name for name, _ in columns]
    print_table(names, [[cell(row, member) for _, member in columns] for row in page["data"]])
    if page["next_cursor"]:
        remark(f"there are more: --cursor {page['next_cursor']}")


def cell(row: Mapping[str, Any], member: str) -> str:
    """Return what a table shows of a row's member."""
    value = row.get(member)
    return show_time(value) if member.endswith("_at") else show(value)
