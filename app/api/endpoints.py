"""Endpoints: register, read, change, enable, disable, delete."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.auth import Caller, EndpointsWriter, Reader
from app.api.bodies import parse_body, read_bytes, read_no_input
from app.api.description import describe
from app.api.destinations import Destinations
from app.api.event_types import warn_of_undeclared
from app.api.idempotency import Answer, answer_once
from app.api.paging import ListQuery, Order, Page, read_page
from app.api.parameters import Flag, NoParameters, read_parameters
from app.api.schemas.endpoints import (
    EndpointChange,
    EndpointCreated,
    EndpointInput,
    EndpointMembers,
    EndpointShown,
    RetryShown,
)
from app.api.transactions import Parts, ReadTx, WriteTx
from app.errors import Invalid
from app.outbound import endpoints
from app.outbound.sealed import open_headers, open_secret
from app.rules.headers import check_headers, mask_headers
from app.rules.retry import RetryPolicy
from app.signatures.secrets import parse_ed25519, public_key
from app.store.database import Tx
from app.store.models import Endpoint, EndpointSecret
from app.wiring import Wiring

DEFAULT_TIMEOUT_SECONDS = 10.0
DEFAULT_SCHEMES = ("aetherflow", "v1")

ORDER = Order(Endpoint.created_at, Endpoint.id, "ep")

router = APIRouter(tags=["endpoints"])


class EndpointQuery(ListQuery):
    """Filters of the endpoint list."""

    enabled: Flag | None = None


@router.post(
    "/endpoints", status_code=201, response_model=EndpointCreated, openapi_extra=describe(body=EndpointInput)
)
async def create_endpoint(request: Request, caller: EndpointsWriter, parts: Parts) -> Response:
    """Register an endpoint. Its secret is in this answer and in no other."""
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)
    given = parse_body(EndpointInput, raw)
    refuse_headers(given)
    warnings = warn_of(given.events)

    async def check_destination() -> None:
        destinations: Destinations = request.app.state.destinations
        warnings.extend(await destinations.check(given.url))

    async def perform(tx: Tx) -> Answer:
        new = endpoints.NewEndpoint(
            url=given.url,
            secret=given.secret,
            ed25519_secret=given.ed25519_secret,
            **as_columns(given, set(EndpointMembers.model_fields)),
            headers=given.headers or {},
        )
        registered = await endpoints.register(tx, new, workspace_id=caller.workspace_id, wiring=parts)
        shown = await show(tx, registered.endpoint, parts, warnings)
        content = EndpointCreated(**shown.model_dump(), secret=registered.secret).model_dump(mode="json")
        return Answer(201, content, {"Location": f"/api/v1/endpoints/{shown.id}"})

    return await answer_once(request, caller, raw, perform, prepare=check_destination)


@router.get("/endpoints", openapi_extra=describe(parameters=EndpointQuery))
async def list_endpoints(request: Request, caller: Reader, tx: ReadTx, parts: Parts) -> Page[EndpointShown]:
    """List endpoints."""
    query = read_parameters(request, EndpointQuery)
    statement = endpoints.select_live(caller.workspace_id)
    if query.enabled is not None:
        statement = statement.where(Endpoint.enabled == query.enabled)
    page = await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=lambda row: row
    )
    shown = [await show(tx, endpoint, parts, []) for endpoint in page.data]
    return Page(data=shown, next_cursor=page.next_cursor)


@router.get("/endpoints/{endpoint_id}")
async def read_endpoint(
    request: Request, caller: Reader, endpoint_id: str, tx: ReadTx, parts: Parts
) -> EndpointShown:
    """Show an endpoint."""
    endpoint = await endpoints.find(tx, caller.workspace_id, endpoint_id)
    read_parameters(request, NoParameters)
    return await show(tx, endpoint, parts, [])


@router.patch("/endpoints/{endpoint_id}", openapi_extra=describe(body=EndpointChange))
async def change_endpoint(
    request: Request, caller: EndpointsWriter, endpoint_id: str, parts: Parts
) -> EndpointShown:
    """Replace members of an endpoint. The next attempt of what is waiting follows the change."""
    await require(caller, endpoint_id, parts)
    read_parameters(request, NoParameters)
    given = parse_body(EndpointChange, await read_bytes(request))
    refuse_headers(given)
    warnings = warn_of(given.events)
    members = as_columns(given, given.model_fields_set)
    if "url" in given.model_fields_set:
        destinations: Destinations = request.app.state.destinations
        warnings += await destinations.check(given.url)
        members["url"] = given.url
    if "headers" in given.model_fields_set:
        members["headers"] = given.headers or {}
    async with parts.database.write() as tx:
        endpoint = await endpoints.find(tx, caller.workspace_id, endpoint_id, locked=True)
        enabled = members.pop("enabled", endpoint.enabled)
        if members:
            await endpoints.change(tx, endpoint, members, wiring=parts)
        await turn(tx, endpoint, enabled=enabled, parts=parts)
        await tx.flush()
        return await show(tx, endpoint, parts, warnings)


@router.delete("/endpoints/{endpoint_id}", status_code=204, response_class=Response)
async def delete_endpoint(
    request: Request, caller: EndpointsWriter, endpoint_id: str, tx: WriteTx, parts: Parts
) -> None:
    """Delete an endpoint. What is pending is cancelled; its deliveries stay readable."""
    endpoint = await endpoints.find(tx, caller.workspace_id, endpoint_id, locked=True)
    read_parameters(request, NoParameters)
    await endpoints.delete(tx, endpoint, wiring=parts)


@router.post("/endpoints/{endpoint_id}/enable", response_model=EndpointShown)
async def enable_endpoint(
    request: Request, caller: EndpointsWriter, endpoint_id: str, parts: Parts
) -> Response:
    """Enable an endpoint; what was held is delivered."""
    return await turn_by_request(request, caller, endpoint_id, parts, enabled=True)


@router.post("/endpoints/{endpoint_id}/disable", response_model=EndpointShown)
async def disable_endpoint(
    request: Request, caller: EndpointsWriter, endpoint_id: str, parts: Parts
) -> Response:
    """Disable an endpoint; what is pending is held."""
    return await turn_by_request(request, caller, endpoint_id, parts, enabled=False)


async def turn_by_request(
    request: Request, caller: Caller, endpoint_id: str, parts: Wiring, *, enabled: bool
) -> Response:
    """Enable or disable an endpoint, once for each Idempotency-Key."""
    await require(caller, endpoint_id, parts)
    read_parameters(request, NoParameters)
    raw = await read_no_input(request)

    async def perform(tx: Tx) -> Answer:
        endpoint = await endpoints.find(tx, caller.workspace_id, endpoint_id, locked=True)
        await turn(tx, endpoint, enabled=enabled, parts=parts)
        return Answer(200, (await show(tx, endpoint, parts, [])).model_dump(mode="json"))

    return await answer_once(request, caller, raw, perform)


async def require(caller: Caller, endpoint_id: str, parts: Wiring) -> None:
    """Make sure that the endpoint of the path is there before the rest of the request is looked at.

    Raises:
        NotFound: it is not.
    """
    async with parts.database.read() as tx:
        await endpoints.find(tx, caller.workspace_id, endpoint_id)


async def turn(tx: Tx, endpoint: Endpoint, *, enabled: bool, parts: Wiring) -> None:
    """Enable or disable an endpoint."""
    if enabled:
        await endpoints.enable(tx, endpoint, wiring=parts)
    else:
        await endpoints.disable(tx, endpoint, reason="manual", wiring=parts)


def as_columns(given: EndpointMembers, names: set[str]) -> dict[str, Any]:
    """Return the named members as columns, with defaults for what is null; `headers` is no column."""
    policy = given.retry
    columns: dict[str, dict[str, Any]] = {
        "events": {"events": given.events or []},
        "description": {"description": given.description},
        "timeout_seconds": {"timeout_seconds": given.timeout_seconds or DEFAULT_TIMEOUT_SECONDS},
        "retry": {
            "max_retries": policy.max_retries if policy else None,
            "retry_schedule": policy.schedule if policy else None,
        },
        "concurrency": {"concurrency": given.concurrency},
        "schemes": {"schemes": list(given.schemes or DEFAULT_SCHEMES)},
        "enabled": {"enabled": given.enabled is not False},
        "metadata": {"metadata_": given.metadata or {}},
    }
    return {column: value for name in names & columns.keys() for column, value in columns[name].items()}


def refuse_headers(given: EndpointMembers) -> None:
    """Refuse custom headers that could not be sent.

    Raises:
        Invalid: with the path of each.
    """
    if problems := check_headers(given.headers or {}):
        raise Invalid("Some headers cannot be sent.", problems=problems)


def warn_of(events: list[str] | None) -> list[str]:
    """Return a warning for each subscribed type that nobody has declared."""
    return warn_of_undeclared({name for name in events or [] if not name.endswith("*")})


async def show(tx: Tx, endpoint: Endpoint, parts: Wiring, warnings: list[str]) -> EndpointShown:
    """Return an endpoint as answers show it."""
    policy = RetryPolicy.of(endpoint.max_retries, endpoint.retry_schedule)
    return EndpointShown(
        id=endpoint.id,
        url=endpoint.url,
        events=endpoint.events,
        description=endpoint.description,
        headers=mask_headers(open_headers(parts.keyring, endpoint)),
        timeout_seconds=endpoint.timeout_seconds,
        retry=RetryShown(max_retries=policy.max_retries, schedule=list(policy.schedule)),
        concurrency=endpoint.concurrency,
        schemes=endpoint.schemes,
        enabled=endpoint.enabled,
        disabled_reason=endpoint.disabled_reason,
        disabled_at=endpoint.disabled_at,
        metadata=endpoint.metadata_,
        public_key=await read_public_key(tx, endpoint, parts),
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
        warnings=warnings,
    )


async def read_public_key(tx: Tx, endpoint: Endpoint, parts: Wiring) -> str | None:
    """Return the `whpk_` that receivers check `v1a` signatures with, if the endpoint asks for them."""
    if "v1a" not in endpoint.schemes:
        return None
    newest: EndpointSecret = await endpoints.newest_secret(tx, endpoint)
    pair = open_secret(parts.keyring, newest)[1]
    return None if pair is None else public_key(parse_ed25519(pair))
