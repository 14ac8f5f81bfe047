"""The HTTP application."""

from collections.abc import Awaitable, Callable
from functools import cache

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import (
    billing,
    deliveries,
    deploying,
    endpoint_tests,
    endpoints,
    events,
    health,
    integrations,
    invitations,
    keys,
    members,
    publishing,
    requests,
    sessions,
    workflows,
)
from app.api.auth import Authenticator
from app.api.description import build_document
from app.api.destinations import Destinations
from app.api.edge import Edge, Net
from app.api.express import Express
from app.api.guesses import Guesses
from app.errors import MethodNotAllowed, NotFound
from app.hooks.payments import PaymentReception
from app.hooks.reception import Reception
from app.outbound.fanout import Fanout
from app.outbound.publish import Publisher
from app.runner.performer import Performer
from app.version import VERSION
from app.wiring import Wiring

API = "/api/v1"

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

# What a page cannot say of itself; the rest of its policy stands in it.
PAGE_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# One line a resource.
RESOURCES: tuple[APIRouter, ...] = (
    publishing.router,
    events.router,
    endpoints.router,
    endpoint_tests.router,
    deliveries.router,
    deploying.router,
    workflows.router,
    sessions.router,
    requests.router,
    integrations.router,
    billing.router,
    keys.router,
    members.router,
    invitations.router,
)


def create_app(
    wiring: Wiring, *, told: Callable[[], Awaitable[dict[str, str]]], front_page: str = ""
) -> FastAPI:
    """Return the application; `told` is what `/readyz` says besides, `front_page` what `/` shows."""
    app = FastAPI(
        title="AetherFlow Webhooks",
        version=VERSION,
        description="Publish events, register endpoints, follow deliveries; deploy workflows, follow sessions.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.wiring = wiring
    app.state.told = told
    app.state.authenticator = Authenticator(wiring)
    app.state.destinations = Destinations(wiring.egress)
    app.state.guesses = Guesses()
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

        async def show_front_page() -> HTMLResponse:
            return HTMLResponse(front_page, headers=PAGE_HEADERS)

        app.add_api_route("/", show_front_page, include_in_schema=False)
    app.add_exception_handler(HTTPException, refuse_path)
    # Inside of the framework's own, which would answer in plain text.
    app.add_middleware(Net)
    app.openapi = cache(lambda: build_document(app))  # type: ignore[method-assign]  # its documented way
    return app


def create_server(app: FastAPI, *, wiring: Wiring, performer: Performer) -> ASGIApp:
    """Return what a server runs: what others' webhooks come to, and the application behind the short way."""
    handlers = {("POST", API + path): handler for path, handler in publishing.HOT.items()}
    application = Edge(Net(Express(app, handlers)), chance=wiring.chance)
    hooks = Edge(Net(Reception(wiring, performer)), chance=wiring.chance, head_is_get=False)
    payments = Edge(Net(PaymentReception(wiring)), chance=wiring.chance, head_is_get=False)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith("/webhooks/"):
            await hooks(scope, receive, send)
        elif path.startswith("/payments/"):
            await payments(scope, receive, send)
        else:
            await application(scope, receive, send)

    return serve


async def refuse_path(request: Request, error: Exception) -> Response:
    """Say in our words what the router refuses.

    Raises:
        MethodNotAllowed: the path takes other methods, which `Allow` names.
        NotFound: there is no such path.
    """
    if isinstance(error, HTTPException) and error.status_code == MethodNotAllowed.status:
        raise MethodNotAllowed(headers={"Allow": ", ".join(allowed_methods(request))})
    raise NotFound("There is nothing at this path.")


def allowed_methods(request: Request) -> list[str]:
    """Return the methods of a path, which may belong to several routes; HEAD comes with GET."""
    allowed = []
    for method in METHODS:
        scope = {**request.scope, "method": "GET" if method == "HEAD" else method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            allowed.append(method)
    return allowed
