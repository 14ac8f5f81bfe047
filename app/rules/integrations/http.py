"""Integrations of the kind `http`: any service that speaks HTTP, with one of the usual ways to show credentials."""

import base64
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from app.rules.headers import check_headers
from app.rules.integrations.calls import path_below
from app.rules.integrations.members import Account, Line, Members, NoMembers, Token, Value
from app.rules.integrations.services import HttpService

AuthType = Literal["none", "bearer", "basic", "header", "query"]


class BasicAccount(Account):
    """An account as RFC 7617 knows it."""

    @model_validator(mode="after")
    def _name_ends_at_colon(self) -> Self:
        if ":" in self.username:
            raise ValueError("a username must not contain a colon here")
        return self


CREDENTIALS: dict[AuthType, type[Members]] = {
    "none": NoMembers,
    "bearer": Token,
    "basic": BasicAccount,
    "header": Value,
    "query": Value,
}

# The types that need to be told where their value goes.
_NAMED = frozenset({"header", "query"})


class HttpAuth(Members):
    """How requests show who they come from."""

    type: Annotated[AuthType, Field(description="What credentials are needed follows from it.")] = "none"
    name: Annotated[
        Annotated[Line, Field(min_length=1, max_length=128)] | None,
        Field(description="Of the header, or of the query parameter; for these two types only."),
    ] = None

    @model_validator(mode="after")
    def _name_fits(self) -> Self:
        if (self.type in _NAMED) != (self.name is not None):
            raise ValueError(
                f"auth of the type {self.type} {'needs a' if self.type in _NAMED else 'has no'} name"
            )
        if self.type == "header" and (problems := check_headers({self.name or "": ""})):
            raise ValueError(problems[0].message)
        return self


class HttpConfig(Members):
    """Where the service is, and how it is looked at."""

    base_url: Annotated[
        str,
        Field(description="Every request goes below it; no query. The rules are those of endpoints' URLs."),
    ]
    check_path: Annotated[
        Annotated[Line, Field(max_length=1024)] | None,
        Field(description="What a check GETs, below the base URL; null is the base URL itself."),
    ] = None
    auth: HttpAuth = HttpAuth()

    @model_validator(mode="after")
    def _paths_fit(self) -> Self:
        if "?" in self.base_url:
            raise ValueError("base_url must have no query")
        path_below("/", self.check_path or "")
        return self


def credentials_of_http(config: HttpConfig) -> type[Members]:
    """Return the members that the credentials have for this configuration."""
    return CREDENTIALS[config.auth.type]


def connect_http(config: HttpConfig, credentials: Any) -> HttpService:
    """Return the service, dressed with its credentials."""
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    name = config.auth.name or ""
    match credentials:
        case Token():
            headers = (("Authorization", f"Bearer {credentials.token}"),)
        case BasicAccount():
            # RFC 7617 section 2.1: UTF-8 is what nearly all servers take.
            pair = f"{credentials.username}:{credentials.password}".encode()
            headers = (("Authorization", f"Basic {base64.b64encode(pair).decode()}"),)
        case Value() if config.auth.type == "header":
            headers = ((name, credentials.value),)
        case Value():
            query = ((name, credentials.value),)
    return HttpService(config.base_url, headers, query, check_path=config.check_path or "")
