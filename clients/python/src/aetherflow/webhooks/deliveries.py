"""The deliveries of a workspace: one event for one endpoint each, with the attempts made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from aetherflow.webhooks.pages import Page, fetch_page
from aetherflow.webhooks.transport import Transport, path_of
from aetherflow.webhooks.wire import time_text

if TYPE_CHECKING:
    from datetime import datetime

    from aetherflow.webhooks.response import JsonObject

DeliveryStatus = Literal["pending", "succeeded", "failed", "cancelled"]


class Deliveries:
    """`client.deliveries`. Every method raises ApiError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        status: DeliveryStatus | None = None,
        endpoint_id: str | None = None,
        event: str | None = None,
        event_id: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """A page of deliveries to which all that is given applies; `since` inclusive, `until` exclusive."""
        query = {
            "status": status,
            "endpoint_id": endpoint_id,
            "event": event,
            "event_id": event_id,
            "since": None if since is None else time_text(since),
            "until": None if until is None else time_text(until),
            "limit": limit,
            "cursor": cursor,
        }
        return fetch_page(self._transport, "/deliveries", query)

    def get(self, delivery_id: str) -> JsonObject:
        """The delivery with its `attempts`."""
        return self._transport.request("GET", path_of("deliveries", delivery_id)).json_object()

    def retry(self, delivery_id: str) -> JsonObject:
        """One more attempt, now, whatever became of it so far.

        ConflictError when its endpoint is disabled or deleted.
        """
        return self._transport.request("POST", path_of("deliveries", delivery_id, "retry")).json_object()

    def cancel(self, delivery_id: str) -> JsonObject:
        """Gives a pending delivery up. ConflictError when it has ended.

        Only a failed one that an ordered endpoint waits behind may be cancelled too: it is skipped.
        """
        return self._transport.request("POST", path_of("deliveries", delivery_id, "cancel")).json_object()
