"""Secrets of endpoints, sealed for their rows and opened for use."""

from collections.abc import Sequence

import orjson

from app.signatures import SigningKeys
from app.store.models import Endpoint, EndpointSecret
from app.store.sealing import Keyring, seal_context


def seal_headers(
    keyring: Keyring, *, workspace_id: str, endpoint_id: str, headers: dict[str, str]
) -> bytes | None:
    """Return custom headers as they are kept, or None when there are none."""
    if not headers:
        return None
    return keyring.seal(orjson.dumps(headers), context=seal_context(workspace_id, endpoint_id, "headers"))


def open_headers(keyring: Keyring, endpoint: Endpoint) -> dict[str, str]:
    """Return an endpoint's custom headers."""
    if endpoint.sealed_headers is None:
        return {}
    context = seal_context(endpoint.workspace_id, endpoint.id, "headers")
    opened: dict[str, str] = orjson.loads(keyring.open(endpoint.sealed_headers, context=context))
    return opened


def seal_secret(
    keyring: Keyring, *, workspace_id: str, secret_id: str, secret: str, ed25519: str | None
) -> tuple[bytes, bytes | None]:
    """Return a signing key's two texts as they are kept."""
    sealed = keyring.seal(secret.encode(), context=seal_context(workspace_id, secret_id, "secret"))
    if ed25519 is None:
        return sealed, None
    return sealed, keyring.seal(ed25519.encode(), context=seal_context(workspace_id, secret_id, "ed25519"))


def open_secret(keyring: Keyring, row: EndpointSecret) -> tuple[str, str | None]:
    """Return a signing key's `whsec_` text and its `whsk_` text, if it has one."""
    secret = keyring.open(row.sealed_secret, context=seal_context(row.workspace_id, row.id, "secret"))
    if row.sealed_ed25519 is None:
        return secret.decode(), None
    context = seal_context(row.workspace_id, row.id, "ed25519")
    return secret.decode(), keyring.open(row.sealed_ed25519, context=context).decode()


def open_keys(keyring: Keyring, newest_first: Sequence[EndpointSecret]) -> SigningKeys:
    """Return what signs an endpoint's deliveries."""
    opened = [open_secret(keyring, row) for row in newest_first]
    live = [secret for secret, _ in opened]
    return SigningKeys.of(live, primary=live[0], ed25519=[pair for _, pair in opened if pair is not None])
