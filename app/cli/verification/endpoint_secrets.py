"""The secrets of an endpoint, for commands that verify on the operator's own machine."""

from sqlalchemy import select

from app.outbound.sealed import open_secret
from app.signatures.secrets import parse_ed25519, public_key
from app.store.database import Tx
from app.store.models import EndpointSecret
from app.wiring import Wiring


async def read_secrets(tx: Tx, endpoint_id: str, *, wiring: Wiring) -> list[str]:
    """Return what verifies an endpoint's deliveries: its secrets, the newest first, then its public keys."""
    statement = select(EndpointSecret).where(EndpointSecret.endpoint_id == endpoint_id)
    rows = await tx.scalars(statement.order_by(EndpointSecret.id.desc()))
    opened = [open_secret(wiring.keyring, row) for row in rows]
    pairs = [parse_ed25519(pair) for _, pair in opened if pair is not None]
    return [*(secret for secret, _ in opened), *map(public_key, pairs)]
