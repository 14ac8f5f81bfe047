"""`autokitteh.activities`."""

from aetherflow.activities import activity, inhibit_activities, register_no_activity

__all__ = ["activity", "inhibit_activities", "register_no_activity"]
