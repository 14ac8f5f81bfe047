"""`autokitteh.events`."""

from aetherflow.children import start
from aetherflow.waiting import next_event, subscribe, unsubscribe

__all__ = ["next_event", "start", "subscribe", "unsubscribe"]
