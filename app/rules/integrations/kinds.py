"""The kinds of integrations. One line a kind.

A kind says which members its configuration has, which ones its credentials have then, and what service both make.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.rules.integrations.http import HttpConfig, connect_http, credentials_of_http
from app.rules.integrations.members import Members, NoMembers, Token
from app.rules.integrations.services import Service
from app.rules.integrations.slack import connect_slack
from app.rules.integrations.smtp import SmtpAccount, SmtpConfig, connect_smtp


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of integration."""

    config: type[Members]
    credentials: Callable[[Any], type[Members]]
    connect: Callable[[Any, Any], Service]


KINDS: dict[str, Kind] = {
    "http": Kind(HttpConfig, credentials_of_http, connect_http),
    "slack": Kind(NoMembers, lambda config: Token, connect_slack),
    "smtp": Kind(SmtpConfig, lambda config: SmtpAccount, connect_smtp),
}


def connect(kind: str, config: Mapping[str, Any], credentials: Mapping[str, Any]) -> Service:
    """Return the service that members of a kind make.

    Raises:
        ValidationError: some of them do not fit.
    """
    of_kind = KINDS[kind]
    read_config = of_kind.config.model_validate(config)
    read_credentials = of_kind.credentials(read_config).model_validate(credentials)
    return of_kind.connect(read_config, read_credentials)
