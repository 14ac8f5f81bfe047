"""The endpoints of a workspace: where deliveries go, and on what terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from aetherflow.webhooks.pages import Page, fetch_page
from aetherflow.webhooks.transport import Transport, idempotency_headers, path_of

if TYPE_CHECKING:
    # For the type checker alone, which brings it along; at run time nothing is imported.
    from collections.abc import Mapping, Sequence

    from typing_extensions import Unpack

    from aetherflow.webhooks.response import JsonObject

# An attempt may take the 30 s that an endpoint allows at most; the rest is for the way there and back.
_WAITED_TEST_SECONDS = 40.0


class Retry(TypedDict, total=False):
    """`schedule`: seconds before each retry; without `max_retries` its length is their number."""

    max_retries: int
    schedule: Sequence[float]


class EndpointSettings(TypedDict, total=False):
    """What an endpoint can be told. None resets a member to its default."""

    events: Sequence[str] | None
    description: str | None
    headers: Mapping[str, str] | None
    timeout_seconds: float | None
    retry: Retry | None
    rate_limit: float | None
    concurrency: int | None
    ordered: bool | None
    filter: str | None
    schemes: Sequence[str] | None
    enabled: bool | None
    metadata: Mapping[str, str] | None


class NewEndpoint(EndpointSettings, total=False):
    """Secrets to import instead of having them made: `whsec_...`, and `whsk_...` for `v1a`."""

    secret: str
    ed25519_secret: str


class EndpointChanges(EndpointSettings, total=False):
    url: str


class Endpoints:
    """`client.endpoints`. Every method raises ApiError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self, url: str, *, idempotency_key: str | None = None, **settings: Unpack[NewEndpoint]
    ) -> JsonObject:
        """Registers an endpoint. The answer holds its `secret`, which is not shown again."""
        return self._transport.request(
            "POST", "/endpoints", json={"url": url, **settings}, headers=idempotency_headers(idempotency_key)
        ).json_object()

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        """A page of endpoints."""
        return fetch_page(self._transport, "/endpoints", {"limit": limit, "cursor": cursor})

    def get(self, endpoint_id: str) -> JsonObject:
        return self._transport.request("GET", path_of("endpoints", endpoint_id)).json_object()

    def update(self, endpoint_id: str, **changes: Unpack[EndpointChanges]) -> JsonObject:
        """Changes what is named, whole, and leaves the rest; the endpoint as it is then."""
        return self._transport.request("PATCH", path_of("endpoints", endpoint_id), json=changes).json_object()

    def delete(self, endpoint_id: str) -> None:
        """Deletes it and cancels its pending deliveries; its finished ones stay readable."""
        self._transport.request("DELETE", path_of("endpoints", endpoint_id))

    def enable(self, endpoint_id: str) -> JsonObject:
        return self._transport.request("POST", path_of("endpoints", endpoint_id, "enable")).json_object()

    def disable(self, endpoint_id: str) -> JsonObject:
        """Holds its deliveries until it is enabled again."""
        return self._transport.request("POST", path_of("endpoints", endpoint_id, "disable")).json_object()

    def test(self, endpoint_id: str, event: str | None = None, *, wait: bool = False) -> JsonObject:
        """Sends the example of an event type, `workflow.completed` unless told, even when disabled.

        `{"event_id", "delivery_id"}`; with `wait` also `attempt`, which says how it went: a failed
        attempt is an answer, not an ApiError.
        """
        return self._transport.request(
            "POST",
            path_of("endpoints", endpoint_id, "test"),
            query={"wait": True} if wait else {},
            json={} if event is None else {"event": event},
            timeout=max(self._transport.timeout_seconds, _WAITED_TEST_SECONDS) if wait else None,
        ).json_object()
