"""Invitations: invite, revoke, accept, find. Each is good for one person, once, for a week.

Whoever holds a token may join, so nothing but its SHA-256 is kept; see `app.workspaces.invitation_tokens`.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from sqlalchemy import ColumnElement, Select, and_, select

from app.catalogue.user import Inviter, User, UserInvited, UserJoined
from app.errors import Conflict, NotFound, Problem
from app.outbound.record import record_event
from app.rules.ids import make_id
from app.rules.roles import Actor, Role
from app.store.database import Tx
from app.store.models import Invitation, Member
from app.wiring import Wiring
from app.workspaces import members
from app.workspaces.invitation_tokens import SECRET_BYTES, digest_token, make_token, open_token

# Long enough for a holiday, short enough that a forgotten mail is not a way in for ever.
LIFETIME = timedelta(days=7)


class InvitationState(StrEnum):
    """What has become of an invitation."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """Who is invited as what; the address was checked and is in lower case."""

    email: str
    name: str | None
    role: Role


async def invite(
    tx: Tx, new: NewInvitation, *, workspace_id: str, by: Actor, wiring: Wiring
) -> tuple[Invitation, str]:
    """Invite somebody; returns the invitation and its token, which is not kept. Publishes `user.invited`.

    Raises:
        Forbidden: it is not for this actor to make people of that role.
        Conflict: a member has this address, or an open invitation.
    """
    members.require_authority(by, new.role)
    await members.lock_addresses(tx, workspace_id)
    await members.refuse_taken(tx, workspace_id, new.email)
    now = wiring.clock()
    await _refuse_invited(tx, workspace_id, new.email, now=now)
    invitation_id = make_id("inv", wiring.chance.uuid7())
    expires_at = now + LIFETIME
    secret = wiring.chance.take_bytes(SECRET_BYTES)
    token = make_token(invitation_id, expires_at, secret=secret, keyring=wiring.keyring)
    inviter = Inviter(id=by.id, name=by.name)
    invitation = Invitation(
        id=invitation_id,
        workspace_id=workspace_id,
        user_id=make_id("usr", wiring.chance.uuid7()),
        email=new.email,
        name=new.name,
        role=new.role.value,
        digest=digest_token(token),
        invited_by=inviter.model_dump(),
        created_at=now,
        expires_at=expires_at,
    )
    tx.add(invitation)
    user = User(id=invitation.user_id, email=new.email, name=new.name, role=new.role.value)
    invited = UserInvited(user=user, invited_by=inviter)
    await record_event(tx, "user.invited", invited.to_data(), workspace_id=workspace_id, wiring=wiring)
    await tx.flush()
    return invitation, token


async def revoke(tx: Tx, invitation_id: str, *, workspace_id: str, by: Actor, wiring: Wiring) -> None:
    """End an open invitation.

    Raises:
        NotFound: there is no open invitation with this id in the workspace.
        Forbidden: it is not for this actor to make people of its role, nor to unmake them.
    """
    now = wiring.clock()
    statement = select_of(workspace_id).where(
        Invitation.id == invitation_id, is_in_state(InvitationState.OPEN, now)
    )
    invitation = await tx.scalar(statement.with_for_update())
    if invitation is None:
        raise NotFound("There is no open invitation with this id.")
    members.require_authority(by, Role(invitation.role))
    invitation.revoked_at = now


async def accept(tx: Tx, token: str, *, name: str, password_hash: str, wiring: Wiring) -> Member:
    """Make whoever holds a token the member that they were invited to be. Publishes `user.joined`.

    Raises:
        NotFound: see `find_by_token`; of two who accept at once, the second gets it.
        Conflict: a member has got this address meanwhile.
    """
    invitation = await find_by_token(tx, token, wiring=wiring, locked=True)
    invitation.accepted_at = wiring.clock()
    new = members.NewMember(
        id=invitation.user_id,
        email=invitation.email,
        name=name,
        role=Role(invitation.role),
        password_hash=password_hash,
    )
    member = await members.add(tx, new, workspace_id=invitation.workspace_id, wiring=wiring)
    user = User(id=member.id, email=member.email, name=name, role=new.role.value)
    joined = UserJoined(user=user, invited_by=Inviter(**invitation.invited_by))
    await record_event(
        tx, "user.joined", joined.to_data(), workspace_id=invitation.workspace_id, wiring=wiring
    )
    return member


async def find_by_token(tx: Tx, token: str, *, wiring: Wiring, locked: bool = False) -> Invitation:
    """Return the open invitation that a token is for.

    Raises:
        NotFound: there is none, for whatever cause: the token is not ours, used, revoked or expired.
    """
    now = wiring.clock()
    opened = open_token(token, keyring=wiring.keyring)
    if opened is None or opened.expires_at <= now:
        raise _no_invitation()
    is_open = is_in_state(InvitationState.OPEN, now)
    statement = select(Invitation).where(Invitation.id == opened.invitation_id, is_open)
    invitation = await tx.scalar(statement.with_for_update() if locked else statement)
    if invitation is None or not hmac.compare_digest(invitation.digest, digest_token(token)):
        raise _no_invitation()
    return invitation


def state_of(invitation: Invitation, now: datetime) -> InvitationState:
    """Return what has become of an invitation."""
    if invitation.accepted_at is not None:
        return InvitationState.ACCEPTED
    if invitation.revoked_at is not None:
        return InvitationState.REVOKED
    return InvitationState.EXPIRED if invitation.expires_at <= now else InvitationState.OPEN


def is_in_state(state: InvitationState, now: datetime) -> ColumnElement[bool]:
    """Return the condition that `state_of` gives a state."""
    undecided = and_(Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
    match state:
        case InvitationState.ACCEPTED:
            return Invitation.accepted_at.is_not(None)
        case InvitationState.REVOKED:
            return Invitation.revoked_at.is_not(None)
        case InvitationState.EXPIRED:
            return undecided & (Invitation.expires_at <= now)
        case InvitationState.OPEN:
            return undecided & (Invitation.expires_at > now)
        case _:
            assert_never(state)


def select_of(workspace_id: str) -> Select[Invitation]:
    """Return the query of a workspace's invitations."""
    return select(Invitation).where(Invitation.workspace_id == workspace_id)


async def _refuse_invited(tx: Tx, workspace_id: str, email: str, *, now: datetime) -> None:
    is_open = is_in_state(InvitationState.OPEN, now)
    if await tx.scalar(select_of(workspace_id).where(Invitation.email == email, is_open)) is not None:
        problem = Problem("/email", "has an open invitation", Conflict.code)
        raise Conflict(
            "There is an open invitation for this address. Revoke it first to send another.",
            problems=[problem],
        )


def _no_invitation() -> NotFound:
    # One text for every cause, so that nobody learns which tokens there were.
    return NotFound("There is no open invitation with this token.")
