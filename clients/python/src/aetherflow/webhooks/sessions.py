"""The sessions of a workspace: runs of handlers, with what they said and left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from aetherflow.webhooks.pages import Page, fetch_page
from aetherflow.webhooks.transport import Transport, idempotency_headers, path_of
from aetherflow.webhooks.wire import time_text

if TYPE_CHECKING:
    from datetime import datetime

    from aetherflow.webhooks.response import JsonObject

SessionStatus = Literal["created", "running", "waiting", "completed", "failed", "stopped"]


class Sessions:
    """`client.sessions`. Every method raises ApiError. `client.workflows.start_session` starts one."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        workflow_id: str | None = None,
        status: SessionStatus | None = None,
        trigger: str | None = None,
        request_id: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """A page of sessions to which all that is given applies; `since` inclusive, `until` exclusive."""
        query = {
            "workflow_id": workflow_id,
            "status": status,
            "trigger": trigger,
            "request_id": request_id,
            "since": None if since is None else time_text(since),
            "until": None if until is None else time_text(until),
            "limit": limit,
            "cursor": cursor,
        }
        return fetch_page(self._transport, "/sessions", query)

    def get(self, session_id: str) -> JsonObject:
        """The session with its `steps`, `outcome`, `result` and `custom_data`."""
        return self._transport.request("GET", path_of("sessions", session_id)).json_object()

    def log(
        self,
        session_id: str,
        *,
        after: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """A page of its log, the oldest entry first: `{"seq", "at", "kind", "text"?, "data"?}`.

        To follow a session, ask again with the last `seq` as `after`, until it has ended.
        """
        path = path_of("sessions", session_id, "log")
        return fetch_page(self._transport, path, {"after": after, "limit": limit, "cursor": cursor})

    def stop(self, session_id: str, *, reason: str | None = None, force: bool = False) -> JsonObject:
        """Asks it to end, or with `force` ends it now. ConflictError when it has ended."""
        members = {"reason": reason, "force": force or None}
        return self._transport.request(
            "POST",
            path_of("sessions", session_id, "stop"),
            json={name: value for name, value in members.items() if value is not None},
        ).json_object()

    def rerun(self, session_id: str, *, idempotency_key: str | None = None) -> JsonObject:
        """Starts another session with the same request, on what is deployed now: `{"id"}`."""
        return self._transport.request(
            "POST", path_of("sessions", session_id, "rerun"), headers=idempotency_headers(idempotency_key)
        ).json_object()
