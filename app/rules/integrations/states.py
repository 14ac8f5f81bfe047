"""The states of an integration, and how what is found out about it changes them."""

from enum import StrEnum
from typing import Literal, assert_never

from app.rules.integrations.findings import Failing, Finding, Healthy, Refused


class Status(StrEnum):
    """DISCONNECTED is left alone; the other two are looked at from time to time."""

    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    ERROR = "error"


# Why one was disconnected.
Reason = Literal["requested", "credentials_refused"]

# Who found out: somebody who wants it connected, a look, or a request of a handler.
Occasion = Literal["connect", "check", "call"]


def next_status(status: Status, finding: Finding, *, occasion: Occasion, was_connected: bool) -> Status:
    """Return the status after a finding.

    `was_connected` tells of one that is in error now that its credentials counted before. One that is disconnected
    comes out of it by `connect` only, and a request of a handler changes something only if its credentials are
    refused: what one request meets says little about the service.
    """
    if status is Status.DISCONNECTED and occasion != "connect":
        return status
    match finding:
        case Healthy():
            return status if occasion == "call" else Status.CONNECTED
        case Failing():
            return status if occasion == "call" else Status.ERROR
        case Refused():
            had_counted = status is Status.CONNECTED or (was_connected and occasion != "connect")
            return Status.DISCONNECTED if had_counted else Status.ERROR
        case _:
            assert_never(finding)
