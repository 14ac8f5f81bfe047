"""The log of a session: read to its end, or followed until the session has ended."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.cli.connection import to_line
from app.cli.output import remark, show, show_time
from app.cli.resources.lists import PAGE_ROWS

if TYPE_CHECKING:
    from aetherflow.webhooks import Client

Entry = dict[str, Any]

ENDED = frozenset({"completed", "failed", "stopped"})

# Half of what a person takes for "at once".
PAUSE_SECONDS = 0.5


class Log:
    """What of a session's log has been read so far."""

    def __init__(self, client: "Client", session_id: str) -> None:
        self._client = client
        self._session_id = session_id
        self._last_seq = 0

    def read(self) -> Iterator[Entry]:
        """Yield the entries that were not read before.

        Raises:
            ApiError: whatever the API says; reading can go on afterwards.
        """
        is_last = False
        while not is_last:
            page = self._client.sessions.log(self._session_id, after=self._last_seq, limit=PAGE_ROWS)
            for entry in page.data:
                self._last_seq = entry["seq"]
                yield entry
            is_last = page.next_cursor is None

    def follow(self) -> Iterator[Entry]:
        """Yield all entries as they come, until the session has ended.

        A server that goes away later is asked again until it is back.

        Raises:
            ApiError: the first request fails, or the key no longer serves.
        """
        from aetherflow.webhooks import RateLimitedError, UnavailableError

        has_ended = self._has_ended()
        yield from self.read()
        away = False
        while not has_ended:
            time.sleep(PAUSE_SECONDS)
            try:
                # In this order: whatever a session says is in its log when it has ended.
                has_ended = self._has_ended()
                yield from self.read()
            except (RateLimitedError, UnavailableError) as error:
                has_ended = False
                if not away:
                    remark(f"{to_line(error)}; asking again")
                away = True
            else:
                away = False

    def _has_ended(self) -> bool:
        return self._client.sessions.get(self._session_id)["status"] in ENDED


def show_entry(entry: Entry) -> str:
    """Return an entry for people; further lines of its text, of a traceback for instance, are indented."""
    first, *more = (show(line) for line in said(entry).expandtabs().splitlines() or [""])
    head = f"{show_time(entry['at'])}  {show(entry['kind']):<7}"
    return "\n".join([f"{head}  {first}", *(f"    {line}" for line in more)])


def said(entry: Entry) -> str:
    """Return an entry's text and data; of what was printed, the text alone."""
    data = entry.get("data") if entry["kind"] != "print" else None
    parts = [entry.get("text") or "", "" if data is None else show(data)]
    return " ".join(part for part in parts if part)
