"""/healthz, /readyz and /metrics: is the process alive, can it serve, how does it do?"""

from collections.abc import Awaitable, Callable

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from app.api.transactions import Parts
from app.errors import SchemaBehind, Unavailable
from app.outbound.deliveries import count_pending
from app.store.migrations import require_schema

# What a process says of workers and Redis: told, but no reason to take it out of service.
Told = Callable[[], Awaitable[dict[str, str]]]

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def answer_alive() -> PlainTextResponse:
    """Answer as long as the process runs."""
    return PlainTextResponse("ok")


@router.get("/readyz")
async def answer_ready(request: Request, parts: Parts) -> Response:
    """Answer 200 when requests can be served: the database answers and its schema is ours."""
    checks = {"database": "ok", "migrations": "ok"}
    try:
        await require_schema(parts.database)
    except Unavailable:
        checks = {"database": "away", "migrations": "unknown"}
    except SchemaBehind:
        checks["migrations"] = "behind"
    ready = checks == {"database": "ok", "migrations": "ok"}
    told: Told = request.app.state.told
    checks.update(await told())
    content = orjson.dumps({"status": "ready" if ready else "not ready", "checks": checks})
    return Response(content, 200 if ready else 503, media_type="application/json")


@router.get("/metrics")
async def show_metrics(parts: Parts) -> Response:
    """Show the process's metrics to Prometheus, and how many deliveries all processes have before them."""
    async with parts.database.read() as tx:
        parts.metrics.pending.set(await count_pending(tx))
    return Response(generate_latest(parts.metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})
