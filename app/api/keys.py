"""API keys and workspaces."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import or_

from app.api.auth import Admin, Operator
from app.api.bodies import RawBody, describe_body, parse_body
from app.api.idempotency import Answer, answer_once
from app.api.paging import ListQuery, Order, Page, read_page
from app.api.schemas import KeyInput, KeyIssued, KeyShown, WorkspaceCreated, WorkspaceInput
from app.api.transactions import Parts, ReadTx, WriteTx
from app.errors import MissingScope
from app.store.database import Tx
from app.store.models import ApiKey
from app.workspaces import keys, workspaces
from app.workspaces.keys import REVOKED_KEPT, Scope, allows

ORDER = Order(ApiKey.created_at, ApiKey.id, "key")

router = APIRouter(tags=["keys"])


@router.post("/api-keys", status_code=201, response_model=KeyIssued, openapi_extra=describe_body(KeyInput))
async def issue_key(request: Request, caller: Admin, raw: RawBody, parts: Parts) -> Response:
    """Issue an API key with no more scopes than the caller's own. The key is in this answer and in no other."""

    async def perform(tx: Tx) -> Answer:
        given = parse_body(KeyInput, raw)
        wanted = [Scope(scope) for scope in given.scopes]
        if beyond := [scope for scope in wanted if not allows(caller.scopes, scope)]:
            raise MissingScope(f"Your own API key lacks {', '.join(beyond)}.")
        row, key = await keys.issue(
            tx,
            given.name,
            wanted,
            workspace_id=caller.workspace_id,
            wiring=parts,
            expires_at=given.expires_at,
        )
        content = KeyIssued(**KeyShown.of(row).model_dump(), key=key).model_dump(mode="json")
        return Answer(201, content, {"Location": f"/api/v1/api-keys/{row.id}"})

    return await answer_once(request, caller, raw, perform)


@router.get("/api-keys")
async def list_keys(
    caller: Admin, query: Annotated[ListQuery, Query()], tx: ReadTx, parts: Parts
) -> Page[KeyShown]:
    """List API keys; revoked ones for 30 days."""
    listed = or_(ApiKey.revoked_at.is_(None), ApiKey.revoked_at > parts.clock() - REVOKED_KEPT)
    statement = keys.select_of(caller.workspace_id).where(listed)
    return await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=KeyShown.of
    )


@router.delete("/api-keys/{key_id}", status_code=204)
async def revoke_key(caller: Admin, key_id: str, tx: WriteTx, parts: Parts) -> None:
    """Revoke an API key; within a second every process refuses it."""
    await keys.revoke(tx, caller.workspace_id, key_id, now=parts.clock())


@router.post(
    "/workspaces",
    status_code=201,
    response_model=WorkspaceCreated,
    openapi_extra=describe_body(WorkspaceInput),
)
async def create_workspace(request: Request, caller: Operator, raw: RawBody, parts: Parts) -> Response:
    """Make a workspace with a first key of the scope admin."""

    async def perform(tx: Tx) -> Answer:
        given = parse_body(WorkspaceInput, raw)
        workspace = await workspaces.create(tx, given.name, wiring=parts)
        _, key = await keys.issue(tx, "first", [Scope.ADMIN], workspace_id=workspace.id, wiring=parts)
        return Answer(201, {"workspace_id": workspace.id, "api_key": key})

    return await answer_once(request, caller, raw, perform)
