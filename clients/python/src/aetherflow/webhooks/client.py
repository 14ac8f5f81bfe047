"""The AetherFlow API: publish events, look after endpoints and deliveries, deploy workflows and follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aetherflow.webhooks.deliveries import Deliveries
from aetherflow.webhooks.endpoints import Endpoints
from aetherflow.webhooks.events import Events
from aetherflow.webhooks.requests import Requests
from aetherflow.webhooks.sessions import Sessions
from aetherflow.webhooks.transport import Transport, idempotency_headers
from aetherflow.webhooks.wire import time_text
from aetherflow.webhooks.workflows import Workflows

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from aetherflow.webhooks.response import JsonObject, Response


class Client:
    """Talks to one AetherFlow service with one API key.

    `url` is where the service is, `https://hooks.example.com`, without `/api/v1`. `timeout` is how
    many seconds to wait for a connection and for each piece of an answer. `ssl_context` replaces the
    system's certificates.

    Connections are kept alive and may be shared between threads; close the client, or use it in a
    `with` statement. All failures of a request are ApiError. Nothing is sent again behind the
    caller's back, with one exception: when a kept connection turns out to be closed, requests that
    may be carried out twice (reading, deleting, and whatever has an idempotency key).
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 10.0, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._transport = Transport(url, key, timeout=timeout, ssl_context=ssl_context)
        self.events = Events(self._transport)
        self.endpoints = Endpoints(self._transport)
        self.deliveries = Deliveries(self._transport)
        self.workflows = Workflows(self._transport)
        self.sessions = Sessions(self._transport)
        self.requests = Requests(self._transport)

    def publish(
        self,
        event: str,
        data: Mapping[str, Any],
        *,
        id: str | None = None,
        timestamp: datetime | str | None = None,
        idempotency_key: str | None = None,
    ) -> JsonObject:
        """Publishes an event: `{"id", "event", "timestamp", "deliveries"}`, once it is safely stored.

        After an UnreachableError nobody knows whether the event was published. With an
        `idempotency_key` the same call can then be made again, and brings the first answer; with an
        `id` (1 to 64 of `[A-Za-z0-9_-]`, also what receivers deduplicate by) it cannot publish twice,
        but may be a ConflictError. Raises ApiError, and TypeError or ValueError for data that JSON
        cannot hold.
        """
        return self._transport.request(
            "POST",
            "/events",
            json=_event(event=event, data=data, id=id, timestamp=timestamp),
            headers=idempotency_headers(idempotency_key),
        ).json_object()

    def publish_batch(
        self, events: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> JsonObject:
        """Publishes up to 1,000 events, all or none: `{"accepted", "ids"}`, the ids in the order given.

        Each is a mapping with `event`, `data` and, if wanted, `id` and `timestamp`, as in `publish`;
        TypeError for other members.
        """
        return self._transport.request(
            "POST",
            "/events/batch",
            json={"events": [_event(**row) for row in events]},
            headers=idempotency_headers(idempotency_key),
        ).json_object()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Any request to the API, for what has no method of its own.

        `path` is below `/api/v1`, for example `/event-types`, its parts escaped by the caller. Of
        `query`, members that are None are left out. `json` is sent as compact JSON; `body` as it is,
        as `application/json` unless `headers` names another content type. `headers` win over the
        client's own. `timeout` in seconds replaces the client's.

        Returns every 2xx answer; raises ApiError for any other, redirects included, and ValueError
        for a path or header that could not be sent.
        """
        return self._transport.request(
            method, path, query=query, json=json, body=body, headers=headers, timeout=timeout
        )

    def close(self) -> None:
        """Closes the connections that are kept. The client may be used on, and opens new ones then."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _event(
    *,
    event: str,
    data: Mapping[str, Any],
    id: str | None = None,
    timestamp: datetime | str | None = None,
) -> dict[str, Any]:
    row: dict[str, Any] = {"event": event, "data": data}
    if id is not None:
        row["id"] = id
    if timestamp is not None:
        row["timestamp"] = time_text(timestamp)
    return row
