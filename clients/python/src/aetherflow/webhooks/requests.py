"""The requests that came to triggers, with why each started a session or did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aetherflow.webhooks.pages import Page, fetch_page
from aetherflow.webhooks.transport import Transport, idempotency_headers, path_of
from aetherflow.webhooks.wire import time_text

if TYPE_CHECKING:
    from datetime import datetime

    from aetherflow.webhooks.response import JsonObject


class Requests:
    """`client.requests`. Every method raises ApiError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        workflow_id: str | None = None,
        trigger: str | None = None,
        matched: bool | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """A page of requests to which all that is given applies; `since` inclusive, `until` exclusive.

        With `matched` False, those that started nothing.
        """
        query = {
            "workflow_id": workflow_id,
            "trigger": trigger,
            "matched": matched,
            "since": None if since is None else time_text(since),
            "until": None if until is None else time_text(until),
            "limit": limit,
            "cursor": cursor,
        }
        return fetch_page(self._transport, "/requests", query)

    def get(self, request_id: str) -> JsonObject:
        """The request as it came, `matches` (what triggers made of it, and why), and the handler's `outcome`.

        A body that is not UTF-8 is in `body_base64`.
        """
        return self._transport.request("GET", path_of("requests", request_id)).json_object()

    def redispatch(
        self, request_id: str, *, deployment_id: str | None = None, idempotency_key: str | None = None
    ) -> JsonObject:
        """Has it received once more: `{"request_id", "session_id"}`, both new.

        The active deployment handles it, or the one that is named.
        """
        return self._transport.request(
            "POST",
            path_of("requests", request_id, "redispatch"),
            json={} if deployment_id is None else {"deployment_id": deployment_id},
            headers=idempotency_headers(idempotency_key),
        ).json_object()
