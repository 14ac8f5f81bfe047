"""API keys and workspaces."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.auth import Admin, Operator, Reader
from app.api.bodies import parse_body, read_bytes
from app.api.description import describe
from app.api.idempotency import Answer, answer_once
from app.api.paging import ListQuery, Order, Page, read_page
from app.api.parameters import NoParameters, read_parameters
from app.api.schemas.keys import KeyInput, KeyIssued, KeyShown, WorkspaceCreated, WorkspaceInput
from app.api.transactions import Parts, ReadTx, WriteTx
from app.errors import MissingScope, Problem
from app.store.database import Tx
from app.store.models import ApiKey
from app.workspaces import keys, workspaces
from app.workspaces.keys import Scope, allows

ORDER = Order(ApiKey.created_at, ApiKey.id, "key")

router = APIRouter(tags=["keys"])


@router.post("/api-keys", status_code=201, response_model=KeyIssued, openapi_extra=describe(body=KeyInput))
async def issue_key(request: Request, caller: Admin, parts: Parts) -> Response:
    """Issue an API key with no more scopes than the caller's own. The key is in this answer and in no other."""
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)

    async def perform(tx: Tx) -> Answer:
        given = parse_body(KeyInput, raw)
        wanted = [Scope(scope) for scope in given.scopes]
        refuse_more(wanted, caller.scopes)
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


@router.get("/api-keys", openapi_extra=describe(parameters=ListQuery))
async def list_keys(request: Request, caller: Reader, tx: ReadTx, parts: Parts) -> Page[KeyShown]:
    """List API keys; revoked ones for 30 days."""
    query = read_parameters(request, ListQuery)
    statement = keys.select_of(caller.workspace_id).where(keys.is_listed(parts.clock()))
    return await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=KeyShown.of
    )


@router.delete("/api-keys/{key_id}", status_code=204, response_class=Response)
async def revoke_key(request: Request, caller: Admin, key_id: str, tx: WriteTx, parts: Parts) -> None:
    """Revoke an API key; within a second every process refuses it."""
    await keys.revoke(tx, caller.workspace_id, key_id, now=parts.clock())
    read_parameters(request, NoParameters)


@router.post(
    "/workspaces",
    status_code=201,
    response_model=WorkspaceCreated,
    openapi_extra=describe(body=WorkspaceInput),
)
async def create_workspace(request: Request, caller: Operator, parts: Parts) -> Response:
    """Make a workspace with a first key of the scope admin."""
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)

    async def perform(tx: Tx) -> Answer:
        given = parse_body(WorkspaceInput, raw)
        workspace = await workspaces.create(tx, given.name, wiring=parts)
        _, key = await keys.issue(tx, "first", [Scope.ADMIN], workspace_id=workspace.id, wiring=parts)
        content = {"workspace_id": workspace.id, "api_key": key}
        return Answer(201, content, {"Location": f"/api/v1/workspaces/{workspace.id}"})

    return await answer_once(request, caller, raw, perform)


def refuse_more(wanted: list[Scope], held: frozenset[str]) -> None:
    """Refuse a key that could do more than its maker.

    Raises:
        MissingScope: with the path of each scope that the maker lacks.
    """
    problems = [
        Problem(f"/scopes/{number}", "is more than your own API key may do", MissingScope.code)
        for number, scope in enumerate(wanted)
        if not allows(held, scope)
    ]
    if problems:
        raise MissingScope("Your own API key lacks some of these scopes.", problems=problems)
