"""What `doctor` looks at between this process and others."""

import http.client
import json
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from app.cli.diagnosis.findings import Finding, Level, Patient
from app.cli.serving.server import bind
from app.errors import Misconfigured
from app.redis_queue import SILENCE_SECONDS, WORKERS_KEY, connect
from app.rules.addresses import EgressPolicy

ANSWER_SECONDS = 2.0


async def check_redis(patient: Patient) -> Sequence[Finding]:
    """Does Redis answer, and are there workers?"""
    url = patient.settings.redis_url
    if patient.address.path is not None:
        if url is None:
            return []
        return [
            Finding("redis", Level.WARN, "is set but not used with SQLite", "Unset AETHERFLOW_REDIS_URL.")
        ]
    if url is None:
        remedy = "Set AETHERFLOW_REDIS_URL; `serve` and `worker` need it with PostgreSQL."
        return [Finding("redis", Level.FAIL, "is not set", remedy)]
    try:
        async with connect(url.get_secret_value()) as redis:
            await redis.ping()
            workers = await redis.zcount(WORKERS_KEY, time.time() - SILENCE_SECONDS, "+inf")
    except (RedisError, OSError, ValueError) as error:
        remedy = "Start it, or correct AETHERFLOW_REDIS_URL. Until then deliveries are late, none is lost."
        return [Finding("redis", Level.FAIL, f"does not answer: {error}", remedy)]
    redis_finding = Finding("redis", Level.OK, "answers")
    if workers:
        return [redis_finding, Finding("workers", Level.OK, f"{workers} alive")]
    remedy = "Start `aetherflow worker`: nothing is delivered without one."
    return [redis_finding, Finding("workers", Level.WARN, "none is alive", remedy)]


async def check_port(patient: Patient) -> Sequence[Finding]:
    """Is the port free, or does this service answer there?"""
    settings = patient.settings
    where = f"{settings.host}:{settings.port}"
    try:
        bind(settings).close()
    except Misconfigured:
        pass
    else:
        return [Finding("port", Level.OK, f"{where} is free")]
    checks = ask_ready(settings.host, settings.port)
    if checks is None:
        remedy = "Stop what listens there, or set another AETHERFLOW_PORT or AETHERFLOW_HOST."
        return [
            Finding("port", Level.FAIL, f"{where} cannot be used and no AetherFlow answers there", remedy)
        ]
    if checks.get("status") == "ready":
        return [Finding("port", Level.OK, f"AetherFlow is ready at {where}")]
    said = ", ".join(f"{name} {state}" for name, state in checks.get("checks", {}).items())
    return [Finding("port", Level.FAIL, f"AetherFlow at {where} is not ready: {said}", "See its log.")]


async def check_public_url(patient: Patient) -> Sequence[Finding]:
    """Does the service know its own address?"""
    url = patient.settings.public_url
    if url is None:
        detail = (
            "is not set, so links lead to this machine and deliveries to the service itself are not refused"
        )
        remedy = "Set AETHERFLOW_PUBLIC_URL to the address under which people reach it."
        return [Finding("public url", Level.WARN, detail, remedy)]
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        remedy = "Write it as https://hooks.example.com."
        return [Finding("public url", Level.FAIL, f"{url} is no http or https address", remedy)]
    if parts.scheme == "http":
        remedy = "Put a proxy with a certificate before the service."
        return [Finding("public url", Level.WARN, f"{url} is not encrypted", remedy)]
    return [Finding("public url", Level.OK, url)]


async def check_egress(patient: Patient) -> Sequence[Finding]:
    """How far is the guard on outgoing requests open?"""
    settings = patient.settings
    try:
        EgressPolicy.of(
            allow=settings.egress_allow,
            ports=settings.egress_ports,
            allow_http=settings.allow_http,
            own_urls=[],
        )
    except Misconfigured as error:
        return [Finding("egress", Level.FAIL, error.detail, "Correct or unset it.")]
    openings = [
        f"networks {settings.egress_allow}" if settings.egress_allow else "",
        f"ports {settings.egress_ports}" if settings.egress_ports else "",
        "plain http" if settings.allow_http else "",
    ]
    opened = "; ".join(opening for opening in openings if opening)
    if not opened:
        return [Finding("egress", Level.OK, "deliveries go to public addresses by https only")]
    detail = f"deliveries may also use {opened}"
    remedy = "Whoever registers endpoints can reach these; unset what is not needed."
    return [Finding("egress", Level.WARN, detail, remedy)]


def ask_ready(host: str, port: int) -> dict[str, Any] | None:
    """Return what `/readyz` says there; None when nobody of ours answers."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    with closing(http.client.HTTPConnection(reachable, port, timeout=ANSWER_SECONDS)) as connection:
        try:
            connection.request("GET", "/readyz")
            said = json.loads(connection.getresponse().read(4096))
        except (OSError, http.client.HTTPException, ValueError):
            return None
    return said if isinstance(said, dict) and "checks" in said else None
