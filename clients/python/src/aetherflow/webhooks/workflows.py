"""The workflows of a workspace: deploy them, look at them, switch them on and off, start them by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from aetherflow.webhooks.archives import pack
from aetherflow.webhooks.pages import Page, fetch_page
from aetherflow.webhooks.transport import Transport, idempotency_headers, path_of

if TYPE_CHECKING:
    # For the type checker alone, which brings it along; at run time nothing is imported.
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from aetherflow.webhooks.response import JsonObject

# 25 MiB over a slow line, and every file is read before the answer.
_DEPLOY_SECONDS = 120.0


class WorkflowChanges(TypedDict, total=False):
    """None removes the description."""

    name: str
    description: str | None
    enabled: bool


class Workflows:
    """`client.workflows`. Every method raises ApiError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def deploy(
        self, files: Mapping[str, bytes], *, dry_run: bool = False, idempotency_key: str | None = None
    ) -> JsonObject:
        """Deploys files, contents by path, with an `aetherflow.yaml` at the top.

        `{"workflow", "deployment", "triggers", "plan", "changed", "warnings"}`; each of the triggers has
        its `url`. The project's name decides whether a workflow is created or updated; the same files again
        change nothing. With `dry_run` nothing changes at all, and what would is in `plan`. Of an
        InvalidError, `errors` holds every mistake with its `file` and `line`.
        """
        return self._transport.request(
            "POST",
            "/workflows/deploy",
            query={"dry_run": True} if dry_run else {},
            body=pack(files),
            headers={"Content-Type": "application/gzip", **idempotency_headers(idempotency_key)},
            timeout=max(self._transport.timeout_seconds, _DEPLOY_SECONDS),
        ).json_object()

    def create(
        self, name: str, *, description: str | None = None, idempotency_key: str | None = None
    ) -> JsonObject:
        """Makes a workflow without files, whose variables can be set before the first deployment."""
        return self._transport.request(
            "POST",
            "/workflows",
            json={"name": name} if description is None else {"name": name, "description": description},
            headers=idempotency_headers(idempotency_key),
        ).json_object()

    def list(
        self,
        *,
        name: str | None = None,
        enabled: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """A page of workflows; at most one has a given `name`."""
        query = {"name": name, "enabled": enabled, "limit": limit, "cursor": cursor}
        return fetch_page(self._transport, "/workflows", query)

    def get(self, workflow_id: str) -> JsonObject:
        """The workflow with its `triggers`, `deployments` and `vars`."""
        return self._transport.request("GET", path_of("workflows", workflow_id)).json_object()

    def update(self, workflow_id: str, **changes: Unpack[WorkflowChanges]) -> JsonObject:
        """Changes what is named and leaves the rest; the workflow as it is then."""
        return self._transport.request("PATCH", path_of("workflows", workflow_id), json=changes).json_object()

    def delete(self, workflow_id: str) -> None:
        """Deletes it; the URLs of its triggers answer 404 from then on."""
        self._transport.request("DELETE", path_of("workflows", workflow_id))

    def enable(self, workflow_id: str) -> JsonObject:
        return self.update(workflow_id, enabled=True)

    def disable(self, workflow_id: str) -> JsonObject:
        """Has the URLs of its triggers answer 404, and its schedules rest, until it is enabled again."""
        return self.update(workflow_id, enabled=False)

    def deployments(self, workflow_id: str, *, limit: int | None = None, cursor: str | None = None) -> Page:
        """A page of its deployments, each `active`, `draining` or `inactive`."""
        path = path_of("workflows", workflow_id, "deployments")
        return fetch_page(self._transport, path, {"limit": limit, "cursor": cursor})

    def triggers(self, workflow_id: str, *, limit: int | None = None, cursor: str | None = None) -> Page:
        """A page of its triggers; those of webhooks have a `url`."""
        path = path_of("workflows", workflow_id, "triggers")
        return fetch_page(self._transport, path, {"limit": limit, "cursor": cursor})

    def vars(self, workflow_id: str) -> Page:
        """Its variables in order of their names, all on one page; the values of secret ones are masked."""
        return fetch_page(self._transport, path_of("workflows", workflow_id, "vars"), {})

    def set_var(self, workflow_id: str, name: str, value: str) -> JsonObject:
        """Sets a variable in the environment of its sessions from the next one on; it is sealed at rest.

        It beats the manifest's value, and outlives deployments.
        """
        path = path_of("workflows", workflow_id, "vars", name)
        return self._transport.request("PUT", path, json={"value": value}).json_object()

    def delete_var(self, workflow_id: str, name: str) -> None:
        """Forgets what was set; the manifest's value counts again, if it has one."""
        self._transport.request("DELETE", path_of("workflows", workflow_id, "vars", name))

    def start_session(
        self,
        workflow_id: str,
        *,
        trigger: str | None = None,
        call: str | None = None,
        data: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> JsonObject:
        """Starts a session without a request: `{"id"}`.

        It runs the function of a trigger (of the only one, unless named), or the one that `call` names as
        `program.py:function`, with `data` as its `event.data`. ConflictError when nothing is deployed.
        """
        members = {"trigger": trigger, "call": call, "data": data}
        return self._transport.request(
            "POST",
            path_of("workflows", workflow_id, "sessions"),
            json={name: value for name, value in members.items() if value is not None},
            headers=idempotency_headers(idempotency_key),
        ).json_object()
