"""`autokitteh.triggers`."""

from aetherflow.triggers import get_webhook_url

__all__ = ["get_webhook_url"]
