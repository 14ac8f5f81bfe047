"""What a workspace has published, read from the event log."""

from typing import Any

import httpx2

from tests.waiting import until


def published(api: httpx2.Client, event_type: str) -> list[dict[str, Any]]:
    """Return the `data` of the newest hundred events of a type, the oldest first."""
    listed = api.get("/events", params={"event": event_type, "limit": 100}).raise_for_status().json()["data"]
    shown = [api.get(f"/events/{one['id']}").raise_for_status().json() for one in reversed(listed)]
    return [one["payload"]["data"] for one in shown]


def told_of(api: httpx2.Client, session_id: str, event_type: str) -> list[dict[str, Any]]:
    """Return the `data` of the events of a type that speak of a session."""
    return [data for data in published(api, event_type) if data["execution"]["id"] == session_id]


def end_of(api: httpx2.Client, session_id: str) -> dict[str, Any]:
    """Wait until a session's end is published, and return the type and the data of the one event that tells of it."""

    def ends() -> list[dict[str, Any]]:
        return [
            {"type": event_type, **data}
            for event_type in ("workflow.completed", "workflow.failed")
            for data in told_of(api, session_id, event_type)
        ]

    [end] = until(ends, what="the end of the session is published")
    return end
