"""The types that tell how the connections to outside services fare."""

from typing import Literal

from pydantic import Field

from app.catalogue.event_type import EventType
from app.catalogue.payload import Identifier, Moment, Payload


class Integration(Payload):
    """A stored connection to an outside service."""

    id: Identifier
    name: str
    kind: str = Field(description="Such as http, slack or smtp.")
    created_at: Moment
    updated_at: Moment


class ConnectedIntegration(Integration):
    """A connection that was checked and works."""

    status: Literal["connected"]
    connected_at: Moment


class DisconnectedIntegration(Integration):
    """A connection that is not in use any more."""

    status: Literal["disconnected"]
    disconnected_at: Moment


class FailingIntegration(Integration):
    """A connection of which the last check failed."""

    status: Literal["error"]
    failed_at: Moment


class CheckError(Payload):
    """Why the check failed."""

    error_code: str
    error_message: str


class IntegrationConnected(Payload):
    """An integration was connected."""

    integration: ConnectedIntegration


class IntegrationDisconnected(Payload):
    """An integration was disconnected."""

    integration: DisconnectedIntegration
    reason: str = Field(description="Whether somebody asked for it, or the credentials were refused.")


class IntegrationError(Payload):
    """The check of an integration failed."""

    integration: FailingIntegration
    error_details: CheckError


_INTEGRATION = {
    "id": "int_0198c79f0d3a7e629b58c417fa20d6e3",
    "name": "ledger",
    "kind": "http",
    "created_at": "2026-03-01T14:20:05.511Z",
}

TYPES = (
    EventType(
        "integration.connected",
        description="An integration was connected: its check succeeded.",
        model=IntegrationConnected,
        example={
            "integration": _INTEGRATION
            | {
                "status": "connected",
                "updated_at": "2026-03-01T14:21:44.902Z",
                "connected_at": "2026-03-01T14:21:44.902Z",
            },
        },
    ),
    EventType(
        "integration.disconnected",
        description="An integration was disconnected, by request or because its credentials are refused.",
        model=IntegrationDisconnected,
        example={
            "integration": _INTEGRATION
            | {
                "status": "disconnected",
                "updated_at": "2026-03-06T07:45:00.273Z",
                "disconnected_at": "2026-03-06T07:45:00.273Z",
            },
            "reason": "credentials_refused",
        },
    ),
    EventType(
        "integration.error",
        description="The check of an integration failed.",
        model=IntegrationError,
        example={
            "integration": _INTEGRATION
            | {
                "status": "error",
                "updated_at": "2026-03-05T22:10:31.038Z",
                "failed_at": "2026-03-05T22:10:31.038Z",
            },
            "error_details": {"error_code": "TIMEOUT", "error_message": "No answer within 10 seconds."},
        },
    ),
)
