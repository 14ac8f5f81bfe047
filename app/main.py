"""The HTTP application."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from app.api import deliveries, endpoint_tests, endpoints, events, health, keys, publishing
from app.api.auth import Authenticator
from app.api.bodies import point_at_parameter, to_problems
from app.api.destinations import Destinations
from app.api.express import Express
from app.api.problems import RequestIds, describe, error_headers
from app.errors import AetherFlowError, Invalid, MethodNotAllowed, NotFound
from app.outbound.fanout import Fanout
from app.outbound.publish import Publisher
from app.version import VERSION
from app.wiring import Chance, Wiring

API = "/api/v1"

# One line a resource.
RESOURCES: tuple[APIRouter, ...] = (
    publishing.router,
    events.router,
    endpoints.router,
    endpoint_tests.router,
    deliveries.router,
    keys.router,
)


def create_app(
    wiring: Wiring, *, told: Callable[[], Awaitable[dict[str, str]]], front_page: str = ""
) -> FastAPI:
    """Return the application; `told` is what `/readyz` says besides, `front_page` what `/` shows."""
    app = FastAPI(
        title="AetherFlow Webhooks",
        version=VERSION,
        description="Publish events, register endpoints, follow deliveries.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.wiring = wiring
    app.state.told = told
    app.state.authenticator = Authenticator(wiring)
    app.state.destinations = Destinations(wiring.egress)
    app.state.publisher = Publisher(
        wiring.database,
        fanout=Fanout(wiring.database),
        queue=wiring.queue,
        metrics=wiring.metrics,
        clock=wiring.clock,
        chance=wiring.chance,
        lease_seconds=wiring.settings.lease_seconds,
    )
    for router in RESOURCES:
        app.include_router(router, prefix=API)
    app.include_router(health.router)
    if front_page:
        app.add_api_route("/", lambda: HTMLResponse(front_page), include_in_schema=False)
    app.add_exception_handler(AetherFlowError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_bad_parameters)
    app.add_exception_handler(HTTPException, answer_http_error)
    return app


def create_server(app: FastAPI, *, chance: Chance) -> ASGIApp:
    """Return what a server runs: the application behind the short way, with an id on every answer."""
    handlers = {("POST", API + path): handler for path, handler in publishing.HOT.items()}
    return RequestIds(Express(app, handlers), chance=chance)


def answer_error(request: Request, error: Exception) -> Response:
    """Answer one of our errors."""
    if not isinstance(error, AetherFlowError):
        raise error
    body = describe(error, request_id=request.state.request_id)
    return Response(body, error.status, error_headers(error))


def answer_bad_parameters(request: Request, error: Exception) -> Response:
    """Answer parameters that do not fit."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = to_problems(error.errors(), pointer=point_at_parameter)
    return answer_error(request, Invalid("A parameter does not fit.", problems=problems))


def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: unknown paths and methods."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == MethodNotAllowed.status:
        return answer_error(request, MethodNotAllowed(headers=headers))
    return answer_error(request, NotFound("There is nothing at this path."))
