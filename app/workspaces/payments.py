"""The payment provider of a workspace, whose webhooks keep the billing profile up to date."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.errors import Invalid, NotFound, Problem
from app.rules.payments import PAYMENT_PROVIDERS, apply
from app.store.database import Tx
from app.store.models import BillingProfile
from app.store.sealing import seal_context
from app.wiring import Wiring
from app.workspaces.billing import lock, profile_of, replace

# Nobody guesses 160 random bits; 20 bytes are base 32 without padding.
SLUG_BYTES = 20


@dataclass(frozen=True, slots=True)
class Payments:
    """The payment provider of a workspace. Its webhooks come to `slug`; without `customer` all of them count."""

    provider: str
    slug: str
    customer: str | None


@dataclass(frozen=True, slots=True)
class PaymentAddress:
    """What must be known of a slug to judge a request there."""

    workspace_id: str
    provider: str
    secret: str


async def connect(
    tx: Tx, provider: str, secret: str, *, customer: str | None, workspace_id: str, wiring: Wiring
) -> Payments:
    """Take the webhooks of a provider. One that is connected already keeps its slug.

    Raises:
        Invalid: its secrets look otherwise.
    """
    if PAYMENT_PROVIDERS[provider].secret.fullmatch(secret) is None:
        raise Invalid(problems=[Problem("/secret", "is not what this provider's secrets look like")])
    row = await lock(tx, workspace_id)
    if (row.payments_provider, row.payments_customer) != (provider, customer):
        # What was seen of another customer says nothing about this one.
        row.payments_seen = {}
    row.payments_provider, row.payments_customer = provider, customer
    row.payments_slug = row.payments_slug or make_slug(wiring)
    row.sealed_payments_secret = wiring.keyring.seal(secret.encode(), context=context_of(row))
    await tx.flush()
    return Payments(provider, row.payments_slug, customer)


async def find(tx: Tx, workspace_id: str) -> Payments:
    """Return the payment provider of a workspace.

    Raises:
        NotFound: none is connected.
    """
    row = await tx.get(BillingProfile, workspace_id)
    if row is None or row.payments_provider is None or row.payments_slug is None:
        raise none_connected()
    return Payments(row.payments_provider, row.payments_slug, row.payments_customer)


async def disconnect(tx: Tx, workspace_id: str) -> None:
    """Take no more webhooks; the profile stays as it is.

    Raises:
        NotFound: none is connected.
    """
    row = await tx.get(BillingProfile, workspace_id, with_for_update=True)
    if row is None or row.payments_slug is None:
        raise none_connected()
    row.payments_provider = row.payments_slug = row.payments_customer = None
    row.sealed_payments_secret = None
    row.payments_seen = {}


async def find_address(tx: Tx, slug: str, *, wiring: Wiring) -> PaymentAddress | None:
    """Return what a slug stands for, if it does for anything."""
    row = await tx.scalar(select(BillingProfile).where(BillingProfile.payments_slug == slug))
    if row is None or row.payments_provider is None or row.sealed_payments_secret is None:
        return None
    secret = wiring.keyring.open(row.sealed_payments_secret, context=context_of(row)).decode()
    return PaymentAddress(row.workspace_id, row.payments_provider, secret)


async def follow(tx: Tx, event: Mapping[str, Any], *, address: PaymentAddress, wiring: Wiring) -> None:
    """Change the profile as a genuine event of the provider says; most say nothing about it."""
    update = PAYMENT_PROVIDERS[address.provider].read(event)
    if update is None:
        return
    row = await lock(tx, address.workspace_id)
    is_ours = row.payments_customer in (None, update.customer)
    if row.payments_provider != address.provider or not is_ours:
        return
    profile, seen = apply(update, profile_of(row), seen=row.payments_seen)
    row.payments_seen = dict(seen)
    await replace(tx, row, profile, wiring=wiring)


def make_slug(wiring: Wiring) -> str:
    """Return a name for a URL that nobody can guess, in lower case so that people can read it out."""
    return base64.b32encode(wiring.chance.take_bytes(SLUG_BYTES)).decode().lower()


def context_of(row: BillingProfile) -> bytes:
    """Return the place that the secret is sealed for."""
    return seal_context(row.workspace_id, row.id, "payments")


def none_connected() -> NotFound:
    """Return the error for a workspace without a payment provider."""
    return NotFound("No payment provider is connected.")
