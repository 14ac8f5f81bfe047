"""Integrations: create, read, change, delete, connect, check, disconnect."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from app.api.auth import Admin, Caller, Reader
from app.api.bodies import parse_body, read_bytes, read_no_input
from app.api.description import describe
from app.api.destinations import Destinations
from app.api.idempotency import Answer, answer_once
from app.api.paging import ListQuery, Order, Page, read_page
from app.api.parameters import NoParameters, read_parameters
from app.api.schemas.integrations import IntegrationChange, IntegrationInput, IntegrationShown
from app.api.transactions import Parts, ReadTx, WriteTx
from app.api.validation import point_into_body, to_problems
from app.errors import Invalid
from app.integrations import checks, integrations
from app.integrations.credentials import open_credentials
from app.rules.integrations.kinds import KINDS
from app.rules.integrations.services import Service
from app.rules.integrations.states import Status
from app.rules.masking import HIDDEN
from app.store.database import Tx
from app.store.models import Integration
from app.wiring import Wiring

ORDER = Order(Integration.created_at, Integration.id, "int")

router = APIRouter(tags=["integrations"])


class IntegrationQuery(ListQuery):
    """Filters of the integration list."""

    status: Status | None = None


@router.post(
    "/integrations",
    status_code=201,
    response_model=IntegrationShown,
    openapi_extra=describe(body=IntegrationInput),
)
async def create_integration(request: Request, caller: Admin, parts: Parts) -> Response:
    """Store a connection to an outside service. It is disconnected until `connect` has checked it."""
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)
    given = parse_body(IntegrationInput, raw)
    config, credentials = given.config or {}, given.credentials or {}
    service = connect_kind(given.kind, config, credentials)
    warnings: list[str] = []

    async def check_destination() -> None:
        warnings.extend(await destinations_of(request).check_service(service))

    async def perform(tx: Tx) -> Answer:
        new = integrations.NewIntegration(given.name, given.kind, config, credentials)
        integration = await integrations.create(tx, new, workspace_id=caller.workspace_id, wiring=parts)
        content = show(integration, parts, warnings).model_dump(mode="json")
        return Answer(201, content, {"Location": f"{request.url.path}/{integration.id}"})

    return await answer_once(request, caller, raw, perform, prepare=check_destination)


@router.get("/integrations", openapi_extra=describe(parameters=IntegrationQuery))
async def list_integrations(
    request: Request, caller: Reader, tx: ReadTx, parts: Parts
) -> Page[IntegrationShown]:
    """List integrations, the newest first."""
    query = read_parameters(request, IntegrationQuery)
    statement = integrations.select_live(caller.workspace_id)
    if query.status is not None:
        statement = statement.where(Integration.status == query.status)
    return await read_page(
        tx,
        statement,
        query,
        workspace_id=caller.workspace_id,
        order=ORDER,
        show=lambda row: show(row, parts, []),
    )


@router.get("/integrations/{integration_id}")
async def read_integration(
    request: Request, caller: Reader, integration_id: str, tx: ReadTx, parts: Parts
) -> IntegrationShown:
    """Show an integration."""
    integration = await integrations.find(tx, caller.workspace_id, integration_id)
    read_parameters(request, NoParameters)
    return show(integration, parts, [])


@router.patch("/integrations/{integration_id}", openapi_extra=describe(body=IntegrationChange))
async def change_integration(
    request: Request, caller: Admin, integration_id: str, parts: Parts
) -> IntegrationShown:
    """Replace members of an integration. One that is in use stays so, and is checked at once."""
    before = await require(caller, integration_id, parts)
    read_parameters(request, NoParameters)
    given = parse_body(IntegrationChange, await read_bytes(request))
    members: dict[str, Any] = {name: getattr(given, name) for name in given.model_fields_set}
    for name in members.keys() & {"config", "credentials"}:
        members[name] = members[name] or {}
    warnings: list[str] = []
    if members.keys() & {"config", "credentials"}:
        warnings = await destinations_of(request).check_service(connect_changed(before, members, parts))
    async with parts.database.write() as tx:
        integration = await integrations.find(tx, caller.workspace_id, integration_id, locked=True)
        # Once more, with the row locked: another change may have come in between.
        connect_changed(integration, members, parts)
        await integrations.change(tx, integration, members, wiring=parts)
        return show(integration, parts, warnings)


@router.delete("/integrations/{integration_id}", status_code=204, response_class=Response)
async def delete_integration(
    request: Request, caller: Admin, integration_id: str, tx: WriteTx, parts: Parts
) -> None:
    """Delete an integration and its credentials; one that is in use is disconnected first."""
    integration = await integrations.find(tx, caller.workspace_id, integration_id, locked=True)
    read_parameters(request, NoParameters)
    await integrations.delete(tx, integration, wiring=parts)


@router.post("/integrations/{integration_id}/connect", response_model=IntegrationShown)
async def connect_integration(request: Request, caller: Admin, integration_id: str, parts: Parts) -> Response:
    """Check an integration and take it into use. One whose check fails has the status `error` afterwards."""
    return await look_by_request(request, caller, integration_id, parts, occasion="connect")


@router.post("/integrations/{integration_id}/check", response_model=IntegrationShown)
async def check_integration(request: Request, caller: Admin, integration_id: str, parts: Parts) -> Response:
    """Check an integration now. One that is disconnected stays so, whatever its check finds."""
    return await look_by_request(request, caller, integration_id, parts, occasion="check")


@router.post("/integrations/{integration_id}/disconnect", response_model=IntegrationShown)
async def disconnect_integration(
    request: Request, caller: Admin, integration_id: str, parts: Parts
) -> Response:
    """Stop using an integration. Its credentials are kept, and calls that are under way go on."""
    await require(caller, integration_id, parts)
    read_parameters(request, NoParameters)
    raw = await read_no_input(request)

    async def perform(tx: Tx) -> Answer:
        integration = await integrations.find(tx, caller.workspace_id, integration_id, locked=True)
        await integrations.disconnect(tx, integration, wiring=parts)
        return Answer(200, show(integration, parts, []).model_dump(mode="json"))

    return await answer_once(request, caller, raw, perform)


async def look_by_request(
    request: Request,
    caller: Caller,
    integration_id: str,
    parts: Wiring,
    *,
    occasion: checks.Asked,
) -> Response:
    """Look at a service outside of any transaction, once for each Idempotency-Key, and write down what was found."""
    await require(caller, integration_id, parts)
    read_parameters(request, NoParameters)
    raw = await read_no_input(request)
    seen: list[checks.Look] = []

    async def look() -> None:
        seen.append(await checks.look(caller.workspace_id, integration_id, wiring=parts))

    async def perform(tx: Tx) -> Answer:
        integration = await checks.apply(tx, seen[0], occasion=occasion, wiring=parts)
        return Answer(200, show(integration, parts, []).model_dump(mode="json"))

    return await answer_once(request, caller, raw, perform, prepare=look)


async def require(caller: Caller, integration_id: str, parts: Wiring) -> Integration:
    """Return the integration of the path before the rest of the request is looked at.

    Raises:
        NotFound: it is not there.
    """
    async with parts.database.read() as tx:
        return await integrations.find(tx, caller.workspace_id, integration_id)


def connect_kind(kind: str, config: Mapping[str, Any], credentials: Mapping[str, Any]) -> Service:
    """Return the service that members of a kind make.

    Raises:
        Invalid: they do not fit the kind, or each other; no message repeats a value.
    """
    of_kind = KINDS[kind]
    part = "config"
    try:
        read_config = of_kind.config.model_validate(config)
        part = "credentials"
        read_credentials = of_kind.credentials(read_config).model_validate(credentials)
    except ValidationError as error:
        raise Invalid(
            problems=to_problems(error, lambda location: f"/{part}{point_into_body(location)}")
        ) from None
    return of_kind.connect(read_config, read_credentials)


def connect_changed(integration: Integration, members: Mapping[str, Any], parts: Wiring) -> Service:
    """Return the service that an integration stands for when some of its members have been replaced.

    Raises:
        Invalid: the members do not fit the others.
    """
    config = members.get("config", integration.config)
    credentials = members.get("credentials", open_credentials(parts.keyring, integration))
    return connect_kind(integration.kind, config, credentials)


def destinations_of(request: Request) -> Destinations:
    """Return the judge of where requests may go."""
    destinations: Destinations = request.app.state.destinations
    return destinations


def show(integration: Integration, parts: Wiring, warnings: list[str]) -> IntegrationShown:
    """Return an integration as answers show it."""
    return IntegrationShown(
        id=integration.id,
        name=integration.name,
        kind=integration.kind,
        config=integration.config,
        credentials=dict.fromkeys(open_credentials(parts.keyring, integration), HIDDEN),
        status=Status(integration.status).value,
        error_code=integration.error_code,
        error_message=integration.error_message,
        created_at=integration.created_at,
        updated_at=integration.updated_at,
        checked_at=integration.checked_at,
        connected_at=integration.connected_at,
        disconnected_at=integration.disconnected_at,
        failed_at=integration.failed_at,
        next_check_at=integration.check_due_at,
        warnings=warnings,
    )
