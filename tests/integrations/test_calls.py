"""Requests through an integration, as the service makes them for handlers."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.integrations.calls import CallFailed, Opened, Wanted, call, dress, hide, open_integration
from app.integrations.checks import apply, look
from app.integrations.integrations import NewIntegration, create, find
from app.outside import HttpAnswer
from app.rules.integrations.services import HttpService
from app.rules.integrations.slack import judge_answer
from tests.outbound.sites import Site
from tests.receivers import Receiver, answer, receiver, turns

TOKEN = "a token that is long"


async def connected(site: Site, there: Receiver, **auth: str) -> str:
    """Store an integration, connect it, and return its id."""
    config = {"base_url": there.url, "auth": auth or {"type": "bearer"}}
    credentials = {"value" if auth else "token": TOKEN}
    new = NewIntegration("ledger", "http", config, credentials)
    async with site.database.write() as tx:
        made = await create(tx, new, workspace_id=site.workspace_id, wiring=site.wiring)
    seen = await look(site.workspace_id, made.id, wiring=site.wiring)
    async with site.database.write() as tx:
        assert (await apply(tx, seen, occasion="connect", wiring=site.wiring)).status == "connected"
    return made.id


async def opened(site: Site) -> Opened:
    found = await open_integration("ledger", workspace_id=site.workspace_id, wiring=site.wiring)
    assert isinstance(found, Opened)
    return found


async def send(site: Site, found: Opened, **members: Any) -> HttpAnswer | CallFailed:
    dressed = dress(found, Wanted(**({"method": "GET", "path": "orders"} | members)))
    return await call(found, dressed, wiring=site.wiring, sleep=lambda seconds: asyncio.sleep(0))


async def status_of(site: Site, integration_id: str) -> str:
    async with site.database.read() as tx:
        return (await find(tx, site.workspace_id, integration_id)).status


async def test_a_refusal_that_stands_in_the_body_disconnects_as_well(site: Site) -> None:
    async with receiver(turns(answer(), answer(200, b'{"ok": false, "error": "token_revoked"}'))) as there:
        made = await connected(site, there)
        found = await opened(site)
        assert isinstance(found.service, HttpService)
        slack = replace(found, service=replace(found.service, judge=judge_answer))
        answers = [await send(site, slack) for _ in range(2)]
    assert [one.status_code for one in answers if isinstance(one, HttpAnswer)] == [200, 200]
    assert await status_of(site, made) == "disconnected"
    types = [event.type for event in await site.events()]
    assert types == ["integration.connected", "integration.disconnected"]


async def test_credentials_that_were_replaced_meanwhile_do_not_count_as_refused(site: Site) -> None:
    async with receiver(turns(answer(), answer(401))) as there:
        made = await connected(site, there)
        before = await opened(site)
        async with site.database.write() as tx:
            row = await find(tx, site.workspace_id, made, locked=True)
            row.config = {**row.config, "check_path": "health"}
        answered = await send(site, before)
    assert isinstance(answered, HttpAnswer)
    assert answered.status_code == 401
    assert await status_of(site, made) == "connected"


@pytest.mark.parametrize("auth", [{}, {"type": "header", "name": "X-Key"}, {"type": "query", "name": "key"}])
async def test_no_answer_of_ours_holds_the_credentials(site: Site, auth: dict[str, str]) -> None:
    echo = {"X-Echo": f"<{TOKEN}>", "Location": "/?key=a%20token%20that%20is%20long&key=a+token+that+is+long"}
    async with receiver(turns(answer(), answer(302, headers=echo), answer(503))) as there:
        await connected(site, there, **auth)
        found = await opened(site)
        answered, failed = await send(site, found), await send(site, found)
    assert isinstance(answered, HttpAnswer)
    assert dict(answered.headers) == dict(answered.headers) | {
        "X-Echo": "<****>",
        "Location": "/?key=****&key=****",
    }
    assert failed == CallFailed("HTTP_503", "The service answers 503.", 3)
    assert TOKEN not in repr((found, answered, failed))


def test_short_words_are_not_taken_for_secrets() -> None:
    assert hide("an apple a day", ["a", "apple", "no such secret"]) == "an apple a day"
