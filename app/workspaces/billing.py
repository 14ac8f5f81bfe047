"""The billing profile of a workspace: read it, change it.

Changes of one profile follow each other, whoever makes them: a person by the API, or a payment provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.catalogue.billing import Billing, BillingUpdated
from app.outbound.record import record_event
from app.rules.billing import FIELDS, BillingStatus, Profile, changes_between, shown
from app.store.database import Tx
from app.store.models import BillingProfile, Workspace
from app.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Account:
    """A workspace as somebody who pays. `updated_at` is None as long as nothing in the profile was changed."""

    workspace_id: str
    workspace_name: str
    profile: Profile
    updated_at: datetime | None

    @property
    def name(self) -> str:
        """The company, else the name of the workspace."""
        return self.profile.company or self.workspace_name


async def read(tx: Tx, workspace_id: str) -> Account:
    """Return the account of a workspace."""
    row = await tx.get(BillingProfile, workspace_id)
    return await account_of(tx, workspace_id, row)


async def change(tx: Tx, members: Mapping[str, Any], *, workspace_id: str, wiring: Wiring) -> Account:
    """Replace fields of the profile, of which None is what a new workspace has; the values were checked.

    What changes nothing publishes nothing.
    """
    row = await lock(tx, workspace_id)
    await replace(tx, row, profile_of(row).with_members(members), wiring=wiring)
    return await account_of(tx, workspace_id, row)


async def lock(tx: Tx, workspace_id: str) -> BillingProfile:
    """Return the profile's row, made if need be, so that who comes at the same time waits."""
    insert = postgresql.insert if tx.get_bind().dialect.name == "postgresql" else sqlite.insert
    await tx.execute(
        insert(BillingProfile)
        .values(
            id=workspace_id,
            workspace_id=workspace_id,
            **{name: getattr(Profile(), name) for name in FIELDS},
            payments_seen={},
        )
        .on_conflict_do_nothing()
    )
    statement = select(BillingProfile).where(BillingProfile.id == workspace_id)
    return (await tx.scalars(statement.with_for_update())).one()


async def replace(tx: Tx, row: BillingProfile, profile: Profile, *, wiring: Wiring) -> None:
    """Put another profile into a locked row, and publish what changed, if anything did."""
    changes = changes_between(profile_of(row), profile)
    if not changes:
        return
    for name in changes:
        setattr(row, name, getattr(profile, name))
    row.updated_at = wiring.clock()
    account = await account_of(tx, row.workspace_id, row)
    billing = Billing(id=account.workspace_id, name=account.name, **shown(profile))
    event = BillingUpdated.model_validate({"billing": billing, "changes": changes})
    await record_event(tx, "billing.updated", event.to_data(), workspace_id=row.workspace_id, wiring=wiring)


def profile_of(row: BillingProfile) -> Profile:
    """Return what a row says."""
    values = {name: getattr(row, name) for name in FIELDS}
    return Profile(**values | {"status": BillingStatus(row.status)})


async def account_of(tx: Tx, workspace_id: str, row: BillingProfile | None) -> Account:
    """Return the account of a workspace, whose row is known."""
    name = (await tx.scalars(select(Workspace.name).where(Workspace.id == workspace_id))).one()
    if row is None:
        return Account(workspace_id, name, Profile(), None)
    return Account(workspace_id, name, profile_of(row), row.updated_at)
