"""The events of a workspace: look them up, deliver them again. `Client.publish` makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aetherflow.webhooks.pages import Page, fetch_page
from aetherflow.webhooks.transport import Transport, idempotency_headers, path_of
from aetherflow.webhooks.wire import time_text

if TYPE_CHECKING:
    from datetime import datetime

    from aetherflow.webhooks.response import JsonObject


class Events:
    """`client.events`. Every method raises ApiError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        event: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """A page of events, of one type if `event` says so, from `since` on and before `until`."""
        query = {
            "event": event,
            "since": None if since is None else time_text(since),
            "until": None if until is None else time_text(until),
            "limit": limit,
            "cursor": cursor,
        }
        return fetch_page(self._transport, "/events", query)

    def get(self, event_id: str) -> JsonObject:
        """The event with `payload`, `body` (the exact text), `deliveries` and `unmatched`."""
        return self._transport.request("GET", path_of("events", event_id)).json_object()

    def replay(
        self,
        event_id: str,
        *,
        endpoint_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> JsonObject:
        """Delivers the event again: `{"deliveries": number}`.

        To the endpoint, whatever it subscribes to, or to all that subscribe today. A disabled
        endpoint is a ConflictError.
        """
        return self._transport.request(
            "POST",
            path_of("events", event_id, "replay"),
            json={} if endpoint_id is None else {"endpoint_id": endpoint_id},
            headers=idempotency_headers(idempotency_key),
        ).json_object()
