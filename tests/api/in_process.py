"""The application in the test's own process and loop, with a clock that the test moves."""

import base64
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
from fastapi import FastAPI

from app.cli.serving.parts import make_wiring, prepare
from app.main import create_app, create_server
from app.queue import LocalQueue
from app.runner.performer import Performer
from app.settings import read_settings
from app.store.sealing import KEY_BYTES
from app.wiring import Wiring
from tests.opened import empty

KEY = f"afk_{'k' * 40}"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclasses.dataclass(frozen=True, slots=True)
class Inside:
    """The application, its parts, and a client that speaks to it."""

    app: FastAPI
    wiring: Wiring
    clock: Clock
    api: httpx2.AsyncClient


@contextlib.asynccontextmanager
async def run_inside(database_url: str) -> AsyncIterator[Inside]:
    """Run the application on a migrated database, which is emptied first; nothing is delivered."""
    settings = read_settings(
        database_url=database_url,
        keyring=f"tests:{base64.b64encode(bytes(KEY_BYTES)).decode()}",
        bootstrap_api_key=KEY,
        egress_allow="127.0.0.0/8",
        allow_http=True,
        egress_ports="1-65535",
    )
    clock = Clock()
    wiring = dataclasses.replace(make_wiring(settings, LocalQueue(), folder=None), clock=clock)
    await wiring.database.open()
    try:
        await empty(wiring.database)
        await prepare(wiring)
        app = create_app(wiring, told=tell_nothing)
        transport = httpx2.ASGITransport(
            create_server(app, wiring=wiring, performer=Performer(wiring, claims=False))
        )
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://inside/api/v1", headers=headers
        ) as api:
            yield Inside(app, wiring, clock, api)
    finally:
        await wiring.outside.close()
        await wiring.database.close()


async def tell_nothing() -> dict[str, str]:
    return {}
