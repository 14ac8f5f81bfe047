"""The types that tell who is asked into a workspace and who comes."""

from typing import Literal

from pydantic import Field

from app.catalogue.event_type import EventType
from app.catalogue.payload import Identifier, Payload


class User(Payload):
    """A person who is, or is to become, a member of the workspace."""

    id: Identifier
    email: str
    name: str | None = Field(description="Null where the invitation gives none.")
    role: Literal["owner", "admin", "developer", "viewer"]


class Inviter(Payload):
    """Who sent the invitation: a member or an API key."""

    id: Identifier
    name: str


class UserInvited(Payload):
    """Somebody was invited."""

    user: User
    invited_by: Inviter | None = Field(description="Null where the inviter is gone.")


class UserJoined(Payload):
    """An invitation was accepted."""

    user: User
    invited_by: Inviter | None = Field(description="Null where the inviter is gone.")


_EXAMPLE = {
    "user": {
        "id": "usr_0198c7b41fd27a8d90e3b6c52d7f4a18",
        "email": "sam.okafor@example.com",
        "name": "Sam Okafor",
        "role": "developer",
    },
    "invited_by": {"id": "usr_0198c79c33e077f4a1d85b9e6c02f741", "name": "Ada Lindqvist"},
}

TYPES = (
    EventType(
        "user.invited",
        description="Somebody was invited to the workspace.",
        model=UserInvited,
        example=_EXAMPLE,
    ),
    EventType(
        "user.joined",
        description="Somebody accepted an invitation and joined the workspace.",
        model=UserJoined,
        example=_EXAMPLE,
    ),
)
