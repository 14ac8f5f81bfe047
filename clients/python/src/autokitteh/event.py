"""`autokitteh.event`."""

from aetherflow.events import Event

__all__ = ["Event"]
