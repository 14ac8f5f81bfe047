"""Roles of members: what each may do, and to whom.

Owners and admins run the workspace; that owners are made, changed and removed by owners alone is all that tells the
two apart. An API key with the scope `admin` acts as an owner, since whoever holds it can do everything else.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a member is in their workspace."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something to the team: a member, or an API key in the role that it acts in."""

    id: str
    name: str
    role: Role


# By the names of API keys' scopes. `operator` is about the whole installation, so no member has it.
_SCOPES: dict[Role, frozenset[str]] = {
    Role.OWNER: frozenset({"admin"}),
    Role.ADMIN: frozenset({"admin"}),
    Role.DEVELOPER: frozenset({"read", "events:write", "endpoints:write", "workflows:write"}),
    Role.VIEWER: frozenset({"read"}),
}


def scopes_of(role: Role) -> frozenset[str]:
    """Return the scopes that a member acts with; `admin` includes the others."""
    return _SCOPES[role]


def may_manage(actor: Role, subject: Role) -> bool:
    """Whether somebody may invite, change or remove a person of that role.

    Who gives a member another role needs this for both, the old one and the new one.
    """
    if actor is Role.OWNER:
        return True
    return actor is Role.ADMIN and subject is not Role.OWNER
