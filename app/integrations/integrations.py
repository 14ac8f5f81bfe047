"""Integrations: create, change, disconnect, delete, find.

Their status changes in `turn` alone, which publishes the event that tells of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from app.catalogue.integration import (
    CheckError,
    ConnectedIntegration,
    DisconnectedIntegration,
    FailingIntegration,
    IntegrationConnected,
    IntegrationDisconnected,
    IntegrationError,
)
from app.catalogue.payload import Payload
from app.errors import Conflict, NotFound, Problem
from app.integrations.credentials import seal_credentials
from app.outbound.record import record_event
from app.rules.ids import make_id
from app.rules.integrations.states import Reason, Status
from app.store.database import Tx
from app.store.models import Integration
from app.wiring import Wiring

# Checks of integrations that were connected together shall not stay together.
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class NewIntegration:
    """What a caller wants stored; config and credentials were checked, the destination too."""

    name: str
    kind: str
    config: Mapping[str, Any]
    credentials: Mapping[str, Any]


async def create(tx: Tx, new: NewIntegration, *, workspace_id: str, wiring: Wiring) -> Integration:
    """Store an integration, which is disconnected at first.

    Raises:
        Conflict: the workspace has another one of this name.
    """
    now = wiring.clock()
    integration_id = make_id("int", wiring.chance.uuid7())
    integration = Integration(
        id=integration_id,
        workspace_id=workspace_id,
        name=new.name,
        kind=new.kind,
        config=dict(new.config),
        sealed_credentials=seal_credentials(
            wiring.keyring, new.credentials, workspace_id=workspace_id, integration_id=integration_id
        ),
        status=Status.DISCONNECTED,
        created_at=now,
        updated_at=now,
    )
    tx.add(integration)
    await claim_name(tx)
    return integration


async def change(
    tx: Tx,
    integration: Integration,
    members: Mapping[str, Any],
    *,
    wiring: Wiring,
) -> None:
    """Replace columns; `credentials` is the one that is not a column itself.

    One that is in use keeps its status and is checked at once when it speaks to something else now, or by other
    credentials.

    Raises:
        Conflict: the workspace has another one of the new name.
    """
    for name, value in members.items():
        if name == "credentials":
            integration.sealed_credentials = seal_credentials(
                wiring.keyring,
                value,
                workspace_id=integration.workspace_id,
                integration_id=integration.id,
            )
        else:
            setattr(integration, name, value)
    integration.updated_at = wiring.clock()
    if integration.status != Status.DISCONNECTED and members.keys() & {"config", "credentials"}:
        integration.check_due_at = integration.updated_at
    await claim_name(tx)


async def claim_name(tx: Tx) -> None:
    """Write an integration's name, which another one of the workspace may have.

    Raises:
        Conflict: it has.
    """
    try:
        await tx.flush()
    except IntegrityError:
        raise Conflict(
            "There is an integration of this name.", problems=[Problem("/name", "is taken", Conflict.code)]
        ) from None


async def disconnect(tx: Tx, integration: Integration, *, wiring: Wiring) -> None:
    """Stop using an integration. It keeps its credentials, and can be connected again."""
    integration.error_code = integration.error_message = None
    await turn(tx, integration, Status.DISCONNECTED, wiring=wiring)


async def delete(tx: Tx, integration: Integration, *, wiring: Wiring) -> None:
    """Take an integration away, and its credentials for good."""
    await disconnect(tx, integration, wiring=wiring)
    integration.deleted_at = wiring.clock()
    integration.sealed_credentials = None


async def turn(
    tx: Tx, integration: Integration, status: Status, *, wiring: Wiring, reason: Reason = "requested"
) -> None:
    """Bring an integration into a status and publish the event of it; one that is in it already stays so.

    `error_code` and `error_message` are set before.
    """
    if integration.status == status:
        return
    now = wiring.clock()
    integration.status, integration.updated_at = status, now
    match status:
        case Status.CONNECTED:
            integration.connected_at = now
        case Status.DISCONNECTED:
            integration.disconnected_at, integration.check_due_at = now, None
        case Status.ERROR:
            integration.failed_at = now
    await record_event(
        tx,
        f"integration.{status}",
        tell(integration, reason=reason).to_data(),
        workspace_id=integration.workspace_id,
        wiring=wiring,
    )


def tell(integration: Integration, *, reason: Reason) -> Payload:
    """Return what the event of an integration's present status says."""
    members = {
        name: getattr(integration, name)
        for name in ("id", "name", "kind", "status", "created_at", "updated_at")
    }
    match Status(integration.status):
        case Status.CONNECTED:
            connected = ConnectedIntegration(**members, connected_at=integration.connected_at)
            return IntegrationConnected(integration=connected)
        case Status.DISCONNECTED:
            disconnected = DisconnectedIntegration(**members, disconnected_at=integration.disconnected_at)
            return IntegrationDisconnected(integration=disconnected, reason=reason)
        case Status.ERROR:
            failing = FailingIntegration(**members, failed_at=integration.failed_at)
            details = CheckError(error_code=integration.error_code, error_message=integration.error_message)
            return IntegrationError(integration=failing, error_details=details)


def next_check(wiring: Wiring) -> datetime:
    """Return when an integration that has just been checked is to be checked again."""
    factor = 1 + JITTER * (2 * wiring.chance.take_fraction() - 1)
    return wiring.clock() + timedelta(seconds=wiring.settings.integration_check_seconds * factor)


async def find(tx: Tx, workspace_id: str, integration_id: str, *, locked: bool = False) -> Integration:
    """Return an integration of the workspace; `locked` lets one change of it follow the other.

    Raises:
        NotFound: there is none, or it belongs to another workspace.
    """
    statement = select_live(workspace_id).where(Integration.id == integration_id)
    integration = await tx.scalar(statement.with_for_update() if locked else statement)
    if integration is None:
        raise NotFound("There is no integration with this id.")
    return integration


async def find_by_name(tx: Tx, workspace_id: str, name: str) -> Integration | None:
    """Return the workspace's integration of a name, if there is one."""
    return await tx.scalar(select_live(workspace_id).where(Integration.name == name))


def select_live(workspace_id: str) -> Select[Integration]:
    """Return the query of a workspace's integrations."""
    return select(Integration).where(
        Integration.workspace_id == workspace_id, Integration.deleted_at.is_(None)
    )
