"""Members and invitations: what can be said of them, and what is shown."""

import unicodedata
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from app.api.bodies import Input
from app.api.validation import OnceShown
from app.rules.emails import read_email
from app.rules.passwords import LONGEST_CHARACTERS, SHORTEST_CHARACTERS, check_password
from app.rules.roles import Role
from app.store.models import Invitation, Member
from app.workspaces.invitations import InvitationState, state_of

# Controls, and what Unicode ends a line or a paragraph with.
NOT_IN_NAMES = ("Cc", "Zl", "Zp")


def check_name(text: str) -> str:
    """Return the name of a person, which may come to stand in the header of a mail.

    Raises:
        ValueError: it has characters that no name has, or nothing but space.
    """
    if not text.strip() or any(unicodedata.category(character) in NOT_IN_NAMES for character in text):
        raise ValueError("must be one line that is not blank")
    return text


def check_secret_password(password: SecretStr) -> SecretStr:
    """Return a password that may be chosen.

    Raises:
        ValueError: it may not.
    """
    check_password(password.get_secret_value())
    return password


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(check_name)]
Email = Annotated[
    str,
    AfterValidator(read_email),
    Field(description="Kept and compared in lower case.", json_schema_extra={"format": "email"}),
]
RoleGiven = Annotated[Role, Field(strict=False)]
Password = Annotated[
    SecretStr,
    AfterValidator(check_secret_password),
    Field(
        description="Any characters but U+0000.",
        json_schema_extra={"minLength": SHORTEST_CHARACTERS, "maxLength": LONGEST_CHARACTERS},
    ),
]


class InvitationInput(Input):
    """Somebody to invite."""

    email: Email
    name: Annotated[
        Name | None, Field(description="What you call them; they choose their name themselves.")
    ] = None
    role: RoleGiven


class InviterShown(BaseModel):
    """Who sent an invitation: a member or an API key."""

    id: str
    name: str


class InvitationShown(BaseModel):
    """An invitation; its token is shown when it is made and never again."""

    id: str
    user_id: str = Field(description="The id that the member has, or will have.")
    email: str
    name: str | None
    role: Role
    state: InvitationState
    invited_by: InviterShown
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: Invitation, now: datetime) -> Self:
        """Show an invitation as it stands now."""
        columns = cls.model_fields.keys() - {"state", "invited_by"}
        return cls(
            **{name: getattr(row, name) for name in columns},
            state=state_of(row, now),
            invited_by=InviterShown(**row.invited_by),
        )


class InvitationCreated(InvitationShown):
    """A new invitation with what the person is to be sent. Whoever has it can join, once, until it ends."""

    token: OnceShown = None
    url: OnceShown = None


class Acceptance(Input):
    """What a person says of themselves when they join."""

    name: Name
    password: Password


class MemberChange(Input):
    """Members to replace."""

    role: RoleGiven


class MemberShown(BaseModel):
    """A person in the workspace."""

    id: str
    email: str
    name: str
    role: Role
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Member) -> Self:
        """Show a member."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})
