"""Checks: a look at the service outside of any transaction, and what is found written down in one.

1. What was found counts for the configuration and the credentials that it was found with. If they were replaced
   meanwhile, or the integration deleted, it counts for nothing.
2. A check that began before another one was written down says nothing new, and changes nothing.
3. Each change of status has one event, because whoever writes has the row to itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from app.errors import Conflict, NotFound
from app.integrations.credentials import open_service
from app.integrations.integrations import find, next_check, turn
from app.outside import HttpCall, Outside
from app.rules.addresses import drop_origin
from app.rules.integrations.calls import path_below
from app.rules.integrations.findings import (
    CREDENTIALS_REFUSED,
    Failing,
    Finding,
    Healthy,
    Refused,
    code_of,
)
from app.rules.integrations.services import HttpService, MailServer, Service
from app.rules.integrations.states import Occasion, Status, next_status
from app.store.database import Tx
from app.store.models import Integration
from app.wiring import Wiring

# A service that needs longer for its check would hold up handlers as well.
CHECK_SECONDS = 10.0


# What a person may ask for.
Asked = Literal["connect", "check"]


@dataclass(frozen=True, slots=True)
class Look:
    """What was found, and what it was found with."""

    integration: Integration
    began_at: datetime
    finding: Finding


async def look(workspace_id: str, integration_id: str, *, wiring: Wiring) -> Look:
    """Look at the service that an integration stands for. No transaction may be open.

    Raises:
        NotFound: the workspace has no such integration.
    """
    async with wiring.database.read() as tx:
        integration = await find(tx, workspace_id, integration_id)
    began_at = wiring.clock()
    service = open_service(wiring.keyring, integration)
    return Look(integration, began_at, await look_at(service, wiring.outside))


async def look_at(service: Service, outside: Outside) -> Finding:
    """Look at a service."""
    match service:
        case HttpService():
            return await call_for_check(service, outside)
        case MailServer():
            visited = await outside.visit(service, None, timeout_seconds=CHECK_SECONDS)
            if visited.code is None:
                return Healthy()
            if visited.code == CREDENTIALS_REFUSED:
                return Refused(as_sentence(visited.error))
            return Failing(visited.code, as_sentence(visited.error))
        case _:
            assert_never(service)


async def call_for_check(service: HttpService, outside: Outside) -> Finding:
    """Send the request of a check, and judge its answer."""
    call = HttpCall(
        service.base_url,
        service.check_method,
        path_below(drop_origin(service.base_url), service.check_path, service.query),
        headers=service.headers,
        timeout_seconds=CHECK_SECONDS,
    )
    answer = await outside.call(call)
    if answer.status_code is None:
        return Failing(code_of(answer.result, None), as_sentence(answer.error or ""))
    return service.judge(answer.status_code, answer.body)


def as_sentence(text: str) -> str:
    """Return what the delivery log would say as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."


async def apply(tx: Tx, seen: Look, *, occasion: Occasion, wiring: Wiring) -> Integration:
    """Write down what was found; returns the integration as it is now.

    Raises:
        NotFound: it has been deleted meanwhile.
        Conflict: it is to be connected, and other credentials or another configuration have come meanwhile.
    """
    before = seen.integration
    integration = await find(tx, before.workspace_id, before.id, locked=True)
    used = (before.config, before.sealed_credentials)
    if (integration.config, integration.sealed_credentials) != used:
        if occasion == "connect":
            raise Conflict("The integration was changed while it was checked; connect it again.")
        return integration
    checked_at = integration.checked_at
    if occasion != "connect" and checked_at is not None and checked_at > seen.began_at:
        return integration
    await note(tx, integration, seen.finding, occasion=occasion, wiring=wiring)
    if occasion != "call":
        integration.checked_at = wiring.clock()
        if integration.status != Status.DISCONNECTED:
            integration.check_due_at = next_check(wiring)
    return integration


async def note(
    tx: Tx, integration: Integration, finding: Finding, *, occasion: Occasion, wiring: Wiring
) -> None:
    """Let a finding change an integration, whose row is locked."""
    match finding:
        case Healthy():
            integration.error_code = integration.error_message = None
        case Refused() | Failing():
            integration.error_code, integration.error_message = finding.code, finding.message
        case _:
            assert_never(finding)
    status = next_status(
        Status(integration.status),
        finding,
        occasion=occasion,
        was_connected=was_connected(integration),
    )
    await turn(tx, integration, status, wiring=wiring, reason="credentials_refused")


def was_connected(integration: Integration) -> bool:
    """Whether an integration has been connected since it was disconnected last."""
    connected_at, disconnected_at = integration.connected_at, integration.disconnected_at
    return connected_at is not None and (disconnected_at is None or connected_at > disconnected_at)


async def check(integration: Integration, *, wiring: Wiring) -> None:
    """Check an integration that may be deleted or changed at any time."""
    try:
        seen = await look(integration.workspace_id, integration.id, wiring=wiring)
        async with wiring.database.write() as tx:
            await apply(tx, seen, occasion="check", wiring=wiring)
    except NotFound:
        return
