"""The types by which the service tells a workspace how its own endpoints fare.

They go to whoever subscribes, but never to the endpoint that they speak of.
"""

from typing import Any, Literal

from pydantic import Field

from app.catalogue.event_type import EventType
from app.catalogue.payload import Identifier, Moment, Payload


class Endpoint(Payload):
    """An endpoint as it stands after what happened."""

    id: Identifier
    url: str
    enabled: bool
    disabled_reason: Literal["manual", "gone", "failing"] | None = Field(
        description="By hand, by an answer 410, or by failing for too long; null while enabled."
    )
    breaker: Literal["closed", "open", "half_open"] = Field(
        description="Deliveries wait while it is open; half open, one of them is tried."
    )
    failing_since: Moment | None = Field(description="The first failure since the last success, if any.")


class EndpointChanged(Payload):
    """The state of an endpoint changed."""

    endpoint: Endpoint


_FAILING_SINCE = "2026-03-02T11:04:56.170Z"


def _example(**state: Any) -> dict[str, Any]:
    healthy = {"enabled": True, "disabled_reason": None, "breaker": "closed", "failing_since": None}
    identity = {"id": "ep_0198c7a91b6c7f53ae208d94c1705e6b", "url": "https://hooks.example.com/aetherflow"}
    return {"endpoint": identity | healthy | state}


TYPES = (
    EventType(
        "endpoint.disabled",
        description="An endpoint was disabled, by hand or by the service.",
        model=EndpointChanged,
        example=_example(
            enabled=False, disabled_reason="failing", breaker="open", failing_since=_FAILING_SINCE
        ),
    ),
    EventType(
        "endpoint.enabled",
        description="An endpoint was enabled.",
        model=EndpointChanged,
        example=_example(),
    ),
    EventType(
        "endpoint.failing",
        description="An endpoint keeps failing: its deliveries wait until it recovers.",
        model=EndpointChanged,
        example=_example(breaker="open", failing_since=_FAILING_SINCE),
    ),
    EventType(
        "endpoint.recovered",
        description="An endpoint that kept failing works again.",
        model=EndpointChanged,
        example=_example(),
    ),
)
