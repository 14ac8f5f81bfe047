"""Integrations of the kind `smtp`: a server that takes mail from somebody who has an account there."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.rules.integrations.members import Members
from app.rules.integrations.services import Encryption, MailServer

# RFC 8314 section 3.3: on this port TLS comes first, on the others it is asked for by STARTTLS.
_IMPLICIT_TLS_PORT = 465


class SmtpConfig(Members):
    """Where the server is."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[
        int, Field(ge=1, le=65_535, description="25, 465, 587, 2525, or one that the operator has opened.")
    ] = 587
    tls: Annotated[
        bool | Literal["starttls", "implicit"],
        Field(
            description="`true` is `implicit` on port 465 and `starttls` on others. `false` is no encryption, which "
            "the operator must have allowed."
        ),
    ] = True


# The standard library logs in with ASCII only, and so do most servers.
_Plain = Annotated[str, Field(pattern=r"\A[\x20-\x7e]*\z", max_length=1024)]


class SmtpAccount(Members):
    """An account, or nothing at all for a server that knows who may send by other means."""

    username: Annotated[_Plain, Field(min_length=1)] | None = None
    password: _Plain | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        return self


def connect_smtp(config: SmtpConfig, credentials: SmtpAccount) -> MailServer:
    """Return the server, with the account for it."""
    return MailServer(
        config.host,
        config.port,
        encryption_of(config),
        username=credentials.username,
        password=credentials.password or "",
    )


def encryption_of(config: SmtpConfig) -> Encryption:
    """Return how a connection is encrypted."""
    match config.tls:
        case True:
            return "implicit" if config.port == _IMPLICIT_TLS_PORT else "starttls"
        case False:
            return "none"
        case word:
            return word
