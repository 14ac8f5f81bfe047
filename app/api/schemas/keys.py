"""API keys and workspaces."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field

from app.api.bodies import Input
from app.api.validation import Moment, OnceShown, Text
from app.store.models import ApiKey
from app.workspaces.keys import Scope


class KeyInput(Input):
    """An API key to issue."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    scopes: Annotated[
        list[Annotated[Scope, Field(strict=False)]],
        Field(min_length=1, description="No more than your own key has."),
    ]
    expires_at: Annotated[Moment | None, Field(description="Null is never.")] = None


class KeyShown(BaseModel):
    """An API key; the key itself is shown when it is issued and never again."""

    id: str
    name: str
    prefix: Annotated[str, Field(description="How the key begins.")]
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Show a key."""
        return cls(**{name: getattr(key, name) for name in cls.model_fields})


class KeyIssued(KeyShown):
    """A new API key."""

    key: OnceShown = None


class WorkspaceInput(Input):
    """A workspace to create."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]


class WorkspaceCreated(BaseModel):
    """A new workspace with its first key, of the scope admin and shown this once."""

    workspace_id: str
    api_key: OnceShown = None
