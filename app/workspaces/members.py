"""Members of a workspace: add, change, remove, find.

A workspace that has an owner keeps one: who takes an owner away locks all owners first, in the order of their ids, so
that of two requests that come at once the second sees what the first has done.
"""

from dataclasses import dataclass

from sqlalchemy import Select, or_, select

from app.errors import Conflict, Forbidden, NotFound, Problem
from app.rules.roles import Actor, Role, may_manage
from app.store.database import Tx
from app.store.models import Member, Workspace
from app.wiring import Wiring


@dataclass(frozen=True, slots=True)
class NewMember:
    """A person who joins; the address was checked and is in lower case."""

    id: str
    email: str
    name: str
    role: Role
    password_hash: str


async def add(tx: Tx, new: NewMember, *, workspace_id: str, wiring: Wiring) -> Member:
    """Make a person a member.

    Raises:
        Conflict: a member has this address.
    """
    await lock_addresses(tx, workspace_id)
    await refuse_taken(tx, workspace_id, new.email)
    now = wiring.clock()
    member = Member(
        id=new.id,
        workspace_id=workspace_id,
        email=new.email,
        name=new.name,
        role=new.role.value,
        password_hash=new.password_hash,
        created_at=now,
        updated_at=now,
    )
    tx.add(member)
    await tx.flush()
    return member


async def change_role(
    tx: Tx, member_id: str, role: Role, *, workspace_id: str, by: Actor, wiring: Wiring
) -> Member:
    """Give a member another role.

    Raises:
        NotFound: there is no such member.
        Forbidden: it is not for this actor to take the old role or to give the new one.
        Conflict: the workspace would have no owner.
    """
    member, owners = await _find_with_owners(tx, workspace_id, member_id)
    require_authority(by, Role(member.role))
    require_authority(by, role)
    if member.role == role:
        return member
    _refuse_without_owner(member, owners)
    member.role, member.updated_at = role.value, wiring.clock()
    return member


async def remove(tx: Tx, member_id: str, *, workspace_id: str, by: Actor) -> None:
    """Take a member out of the workspace. Their address can be invited again.

    Raises:
        NotFound: there is no such member.
        Forbidden: it is not for this actor to remove them.
        Conflict: the workspace would have no owner.
    """
    member, owners = await _find_with_owners(tx, workspace_id, member_id)
    require_authority(by, Role(member.role))
    _refuse_without_owner(member, owners)
    await tx.delete(member)


async def find(tx: Tx, workspace_id: str, member_id: str) -> Member:
    """Return a member of the workspace.

    Raises:
        NotFound: there is none, or they belong to another workspace.
    """
    member = await tx.scalar(select_of(workspace_id).where(Member.id == member_id))
    if member is None:
        raise _no_member()
    return member


def select_of(workspace_id: str) -> Select[Member]:
    """Return the query of a workspace's members."""
    return select(Member).where(Member.workspace_id == workspace_id)


def require_authority(actor: Actor, subject: Role) -> None:
    """Make sure that somebody may do something to a person of a role.

    Raises:
        Forbidden: they may not.
    """
    if not may_manage(actor.role, subject):
        raise Forbidden(f"The role {actor.role} does not allow doing this to the role {subject}.")


async def lock_addresses(tx: Tx, workspace_id: str) -> None:
    """Let one transaction at a time ask who has an address in the workspace and then take it."""
    # Not the stronger lock, which would also hold up every row that refers to the workspace.
    await tx.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))


async def refuse_taken(tx: Tx, workspace_id: str, email: str) -> None:
    """Make sure that no member has an address.

    Raises:
        Conflict: one has.
    """
    if await tx.scalar(select_of(workspace_id).where(Member.email == email)) is not None:
        problem = Problem("/email", "belongs to a member", Conflict.code)
        raise Conflict(
            "A member has this address already. To give them another role, change the member.",
            problems=[problem],
        )


async def _find_with_owners(tx: Tx, workspace_id: str, member_id: str) -> tuple[Member, list[Member]]:
    """Return a member and all owners, locked."""
    wanted = or_(Member.id == member_id, Member.role == Role.OWNER.value)
    statement = select_of(workspace_id).where(wanted).order_by(Member.id).with_for_update()
    found = (await tx.scalars(statement)).all()
    member = next((one for one in found if one.id == member_id), None)
    if member is None:
        raise _no_member()
    return member, [one for one in found if one.role == Role.OWNER]


def _refuse_without_owner(member: Member, owners: list[Member]) -> None:
    if owners == [member]:
        raise Conflict("This is the last owner. Make another member an owner first.")


def _no_member() -> NotFound:
    return NotFound("There is no member with this id.")
