"""Members: read, give another role, remove."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import AfterValidator

from app.api.auth import Admin, Reader
from app.api.bodies import parse_body, read_bytes
from app.api.description import describe
from app.api.paging import ListQuery, Order, Page, read_page
from app.api.parameters import NoParameters, read_parameters
from app.api.schemas.members import MemberChange, MemberShown
from app.api.transactions import Parts, ReadTx, WriteTx
from app.rules.emails import read_email
from app.rules.roles import Role
from app.store.models import Member
from app.workspaces import members

# A member has the id of their invitation, which is older than they are.
ORDER = Order(Member.created_at, Member.id, None)

router = APIRouter(tags=["team"])


class MemberQuery(ListQuery):
    """Filters of the member list."""

    role: Role | None = None
    email: Annotated[str, AfterValidator(read_email)] | None = None


@router.get("/members", openapi_extra=describe(parameters=MemberQuery))
async def list_members(request: Request, caller: Reader, tx: ReadTx) -> Page[MemberShown]:
    """List members."""
    query = read_parameters(request, MemberQuery)
    statement = members.select_of(caller.workspace_id)
    if query.role is not None:
        statement = statement.where(Member.role == query.role.value)
    if query.email is not None:
        statement = statement.where(Member.email == query.email)
    return await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=MemberShown.of
    )


@router.get("/members/{member_id}")
async def read_member(request: Request, caller: Reader, member_id: str, tx: ReadTx) -> MemberShown:
    """Show a member."""
    member = await members.find(tx, caller.workspace_id, member_id)
    read_parameters(request, NoParameters)
    return MemberShown.of(member)


@router.patch("/members/{member_id}", openapi_extra=describe(body=MemberChange))
async def change_member(request: Request, caller: Admin, member_id: str, parts: Parts) -> MemberShown:
    """Give a member another role. The last owner stays one."""
    async with parts.database.read() as tx:
        await members.find(tx, caller.workspace_id, member_id)
    read_parameters(request, NoParameters)
    given = parse_body(MemberChange, await read_bytes(request))
    async with parts.database.write() as tx:
        member = await members.change_role(
            tx, member_id, given.role, workspace_id=caller.workspace_id, by=caller.actor(), wiring=parts
        )
        return MemberShown.of(member)


@router.delete("/members/{member_id}", status_code=204, response_class=Response)
async def remove_member(request: Request, caller: Admin, member_id: str, tx: WriteTx) -> None:
    """Take a member out of the workspace. The last owner stays; API keys that the member issued stay too."""
    await members.remove(tx, member_id, workspace_id=caller.workspace_id, by=caller.actor())
    read_parameters(request, NoParameters)
