"""Invitations: send, list, revoke, and, for whoever holds one, accept."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.auth import Admin, Reader
from app.api.bodies import parse_body, read_bytes
from app.api.description import describe
from app.api.guesses import Guesses
from app.api.idempotency import Answer, answer_once
from app.api.paging import ListQuery, Order, Page, read_page
from app.api.parameters import NoParameters, read_parameters
from app.api.schemas.members import (
    Acceptance,
    InvitationCreated,
    InvitationInput,
    InvitationShown,
    MemberShown,
)
from app.api.transactions import Parts, ReadTx, WriteTx
from app.store.database import Tx
from app.store.models import Invitation
from app.wiring import Wiring
from app.workspaces import invitations
from app.workspaces.invitation_tokens import open_token
from app.workspaces.invitations import InvitationState, NewInvitation
from app.workspaces.passwords import hash_password

ORDER = Order(Invitation.created_at, Invitation.id, "inv")

# The URL has the token in it.
SHOWN_ONCE = ("token", "url")

router = APIRouter(tags=["team"])


class InvitationQuery(ListQuery):
    """Filters of the invitation list."""

    state: InvitationState | None = None


@router.post(
    "/invitations",
    status_code=201,
    response_model=InvitationCreated,
    openapi_extra=describe(body=InvitationInput),
)
async def invite(request: Request, caller: Admin, parts: Parts) -> Response:
    """Invite somebody to the workspace. Send them `url` yourself: it is in this answer and in no other."""
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)

    async def perform(tx: Tx) -> Answer:
        given = parse_body(InvitationInput, raw)
        row, token = await invitations.invite(
            tx,
            NewInvitation(given.email, given.name, given.role),
            workspace_id=caller.workspace_id,
            by=caller.actor(),
            wiring=parts,
        )
        shown = InvitationShown.of(row, parts.clock())
        created = InvitationCreated(**shown.model_dump(), token=token, url=page_url(request, parts, token))
        location = {"Location": f"/api/v1/invitations/{row.id}"}
        return Answer(201, created.model_dump(mode="json"), location, shown_once=SHOWN_ONCE)

    return await answer_once(request, caller, raw, perform)


@router.get("/invitations", openapi_extra=describe(parameters=InvitationQuery))
async def list_invitations(
    request: Request, caller: Reader, tx: ReadTx, parts: Parts
) -> Page[InvitationShown]:
    """List invitations, also those that were accepted, were revoked or have expired."""
    query = read_parameters(request, InvitationQuery)
    now = parts.clock()
    statement = invitations.select_of(caller.workspace_id)
    if query.state is not None:
        statement = statement.where(invitations.is_in_state(query.state, now))
    return await read_page(
        tx,
        statement,
        query,
        workspace_id=caller.workspace_id,
        order=ORDER,
        show=lambda row: InvitationShown.of(row, now),
    )


@router.delete("/invitations/{invitation_id}", status_code=204, response_class=Response)
async def revoke_invitation(
    request: Request, caller: Admin, invitation_id: str, tx: WriteTx, parts: Parts
) -> None:
    """Revoke an open invitation; its link leads nowhere from now on."""
    await invitations.revoke(
        tx, invitation_id, workspace_id=caller.workspace_id, by=caller.actor(), wiring=parts
    )
    read_parameters(request, NoParameters)


@router.post(
    "/invitations/{token}/accept",
    status_code=201,
    response_model=MemberShown,
    openapi_extra=describe(body=Acceptance),
)
async def accept_invitation(request: Request, token: str, parts: Parts) -> Response:
    """Join the workspace that a token is for. Needs no API key; a token that is not open is not found."""
    count_try(request, parts, token)
    async with parts.database.read() as tx:
        await invitations.find_by_token(tx, token, wiring=parts)
    read_parameters(request, NoParameters)
    given = parse_body(Acceptance, await read_bytes(request))
    password_hash = await hash_password(given.password.get_secret_value(), chance=parts.chance)
    async with parts.database.write() as tx:
        member = await invitations.accept(
            tx, token, name=given.name, password_hash=password_hash, wiring=parts
        )
    shown = MemberShown.of(member).model_dump(mode="json")
    return Answer(201, shown, {"Location": f"/api/v1/members/{member.id}"}).respond()


def count_try(request: Request, parts: Wiring, token: str) -> None:
    """Count a try to accept: by the token if it is genuine, else by where it came from.

    Raises:
        RateLimited: there were too many.
    """
    guesses: Guesses = request.app.state.guesses
    opened = open_token(token, keyring=parts.keyring)
    if opened is not None:
        guesses.count(opened.invitation_id)
    else:
        guesses.count(request.client.host if request.client is not None else "")


def page_url(request: Request, parts: Wiring, token: str) -> str:
    """Return the address of the page where the holder of a token can accept."""
    origin = parts.settings.public_url or str(request.base_url)
    return f"{origin.rstrip('/')}/invitations/{token}"
