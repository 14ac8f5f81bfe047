"""The triggers of workflows: how they are shown, and how one is found by its name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.cli.failures import Failure
from app.cli.output import print_table, show
from app.cli.resources.lists import PAGE_ROWS

if TYPE_CHECKING:
    from aetherflow.webhooks import Client


def print_triggers(triggers: Sequence[dict[str, Any]]) -> None:
    """Print triggers, with the URL or the schedule of each."""
    print_table(
        ["trigger", "type", "answers", "durable", "calls", "url or schedule"],
        [
            [
                trigger["name"],
                trigger["type"],
                show_answers(trigger),
                trigger["is_durable"],
                trigger["call"],
                trigger["url"] or show_schedule(trigger),
            ]
            for trigger in triggers
        ],
    )


def show_answers(trigger: dict[str, Any]) -> str:
    """Return who answers a request: the handler, or the service at once."""
    if trigger["type"] != "webhook":
        return "-"
    return "handler" if trigger["is_sync"] else "at once"


def show_schedule(trigger: dict[str, Any]) -> str:
    """Return when a trigger fires."""
    return f"{show(trigger['schedule'])} ({show(trigger['timezone'])})"


def find_workflow(client: "Client", given: str) -> dict[str, Any]:
    """Return the workflow of an id or a name.

    Raises:
        Failure: there is none.
        ApiError: whatever the API says.
    """
    from aetherflow.webhooks import NotFoundError

    for workflow in client.workflows.list(name=given).data:
        return workflow
    try:
        return client.workflows.get(given)
    except NotFoundError:
        raise Failure(f"there is no workflow {show(given)}; see `aetherflow workflows list`.") from None


def find_workflow_id(client: "Client", given: str | None) -> str | None:
    """Return the id that lists are filtered by; an id that is not found may be that of a deleted workflow.

    Raises:
        Failure: there is no workflow of this name.
        ApiError: whatever the API says.
    """
    if given is None or given.startswith("wf_"):
        return given
    return str(find_workflow(client, given)["id"])


def find_webhook(
    client: "Client", name: str, *, workflow: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the webhook trigger of a name, and its workflow; `workflow` says where to look.

    Raises:
        Failure: there is none, or several workflows have one.
        ApiError: whatever the API says.
    """
    workflows = (
        [find_workflow(client, workflow)]
        if workflow is not None
        else list(client.workflows.list(limit=PAGE_ROWS).rows())
    )
    found = [
        (each, trigger)
        for each in workflows
        for trigger in client.workflows.triggers(each["id"], limit=PAGE_ROWS).rows()
        if trigger["name"] == name
    ]
    webhooks = [(each, trigger) for each, trigger in found if trigger["type"] == "webhook"]
    if len(webhooks) > 1:
        names = ", ".join(sorted(show(each["name"]) for each, _ in webhooks))
        raise Failure(f"several workflows have a trigger {show(name)}: {names}; name one with --workflow.")
    if not webhooks and found:
        raise Failure(
            f"{show(name)} is a schedule, and takes no requests; "
            f"start it with `aetherflow sessions start {show(found[0][0]['name'])} --trigger {show(name)}`."
        )
    if not webhooks:
        raise Failure(f"no workflow has a trigger {show(name)}; see `aetherflow workflows show NAME`.")
    return webhooks[0]
