"""Requests that came to triggers: find them, and what was answered."""

from sqlalchemy import Select, select

from app.errors import NotFound
from app.store.database import Tx
from app.store.models import FinalOutcome, ReceivedRequest, Trigger


async def find(tx: Tx, workspace_id: str, request_id: str) -> ReceivedRequest:
    """Return a request of the workspace.

    Raises:
        NotFound: there is none, or it belongs to another workspace.
    """
    request = await tx.scalar(select_of(workspace_id).where(ReceivedRequest.id == request_id))
    if request is None:
        raise NotFound("There is no request with this id.")
    return request


async def outcome_of(tx: Tx, request: ReceivedRequest) -> FinalOutcome | None:
    """Return what a handler answered, if one did."""
    return await tx.get(FinalOutcome, request.id)


def select_of(workspace_id: str) -> Select[ReceivedRequest]:
    """Return the query of a workspace's requests."""
    return select(ReceivedRequest).where(ReceivedRequest.workspace_id == workspace_id)


async def trigger_ids_of(tx: Tx, workspace_id: str, workflow_id: str) -> list[str]:
    """Return the ids of a workflow's triggers, also of those that are gone: requests are found by them."""
    statement = select(Trigger.id).where(
        Trigger.workspace_id == workspace_id, Trigger.workflow_id == workflow_id
    )
    return list(await tx.scalars(statement))
