"""Credentials of integrations, sealed for their rows and opened for use."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.rules.integrations.kinds import connect
from app.rules.integrations.services import Service
from app.store.models import Integration
from app.store.sealing import Keyring, seal_context


def seal_credentials(
    keyring: Keyring, credentials: Mapping[str, Any], *, workspace_id: str, integration_id: str
) -> bytes | None:
    """Return credentials as they are kept, or None when there are none."""
    if not credentials:
        return None
    context = seal_context(workspace_id, integration_id, "credentials")
    return keyring.seal(orjson.dumps(credentials), context=context)


def open_credentials(keyring: Keyring, integration: Integration) -> dict[str, Any]:
    """Return an integration's credentials."""
    if integration.sealed_credentials is None:
        return {}
    context = seal_context(integration.workspace_id, integration.id, "credentials")
    opened: dict[str, Any] = orjson.loads(keyring.open(integration.sealed_credentials, context=context))
    return opened


def open_service(keyring: Keyring, integration: Integration) -> Service:
    """Return the service that an integration stands for, with its credentials."""
    return connect(integration.kind, integration.config, open_credentials(keyring, integration))
