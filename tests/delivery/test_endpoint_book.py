"""Endpoints made ready for sending, and how soon a change of one is noticed."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from app.errors import Unavailable
from app.outbound import endpoints as endpoint_verbs
from app.queue import LocalQueue
from app.rules.addresses import EgressPolicy
from app.store.address import Address
from app.store.database import Database
from app.store.models import Endpoint
from app.wiring import Wiring
from delivery import endpoints
from delivery.endpoints import EndpointBook
from tests.outbound.sites import Site


def new_book(wiring: Wiring, *, egress: EgressPolicy | None = None) -> EndpointBook:
    return EndpointBook(
        wiring.database, keyring=wiring.keyring, egress=egress or wiring.egress, user_agent="Tests/1"
    )


@pytest.fixture
def book(site: Site) -> EndpointBook:
    return new_book(site.wiring)


@pytest.fixture
def reads(site: Site) -> Iterator[list[str]]:
    """The statements that read endpoints."""
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "FROM endpoints JOIN" in statement.replace("\n", ""):
            seen.append(statement)

    engine = site.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def change(site: Site, endpoint_id: str, **members: Any) -> None:
    async with site.database.write() as tx:
        endpoint = await tx.get_one(Endpoint, endpoint_id)
        await endpoint_verbs.change(tx, endpoint, members, wiring=site.wiring)


async def test_what_sending_takes_is_made_ready(site: Site, book: EndpointBook) -> None:
    endpoint_id = await site.register(
        "http://127.0.0.1:8080/hooks/a?b=1",
        headers={"X-Team": "billing", "Authorization": "Bearer t0p"},
        timeout_seconds=7,
        max_retries=2,
        retry_schedule=[1, 5],
        concurrency=4,
        schemes=["v1"],
    )
    ready = await book.load(endpoint_id)
    assert ready is not None
    assert (ready.id, ready.workspace_id) == (endpoint_id, site.workspace_id)
    assert (ready.enabled, ready.deleted, ready.concurrency, ready.timeout_seconds) == (True, False, 4, 7)
    assert (ready.retry.max_retries, ready.retry.schedule) == (2, (1, 5))
    assert [scheme.name for scheme in ready.schemes] == ["v1"]
    assert ready.target is not None
    assert ready.head == (
        b"POST /hooks/a?b=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\ncontent-type: application/json\r\n"
        b"user-agent: Tests/1\r\nX-Team: billing\r\nAuthorization: Bearer t0p\r\n"
    )


async def test_what_is_recorded_of_the_request_hides_the_owners_values(
    site: Site, book: EndpointBook
) -> None:
    endpoint_id = await site.register(headers={"X-Team": "billing", "Authorization": "Bearer t0p"})
    ready = await book.load(endpoint_id)
    assert ready is not None
    assert ready.recorded_head.endswith(b"X-Team: ********\r\nAuthorization: ********\r\n")
    assert b"t0p" not in ready.recorded_head
    assert b"t0p" not in repr(ready.keys).encode()


async def test_an_endpoint_is_read_once_and_then_found(
    site: Site, book: EndpointBook, reads: list[str]
) -> None:
    endpoint_id = await site.register()
    assert book.find(endpoint_id) is None
    ready = await book.load(endpoint_id)
    assert book.find(endpoint_id) is ready
    assert len(reads) == 1


async def test_many_who_ask_at_the_same_time_share_one_read(
    site: Site, book: EndpointBook, reads: list[str]
) -> None:
    endpoint_id = await site.register()
    loaded = await asyncio.gather(*(book.load(endpoint_id) for _ in range(20)))
    assert len(reads) == 1
    assert len({id(ready) for ready in loaded}) == 1


async def test_one_who_stops_waiting_for_a_read_takes_it_from_nobody_else(
    site: Site, book: EndpointBook
) -> None:
    endpoint_id = await site.register()
    first, second = [asyncio.ensure_future(book.load(endpoint_id)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    ready = await second
    assert ready is not None
    assert ready.id == endpoint_id


async def test_an_endpoint_that_does_not_exist_is_none(book: EndpointBook) -> None:
    assert await book.load("ep_nowhere") is None


async def test_a_deleted_endpoint_says_so(site: Site, book: EndpointBook) -> None:
    endpoint_id = await site.register()
    async with site.database.write() as tx:
        await endpoint_verbs.delete(tx, await tx.get_one(Endpoint, endpoint_id), wiring=site.wiring)
    ready = await book.load(endpoint_id)
    assert ready is not None
    assert ready.deleted


async def test_a_destination_that_is_not_allowed_any_more_has_no_target(site: Site) -> None:
    endpoint_id = await site.register()
    strict = new_book(site.wiring, egress=EgressPolicy.of(allow="", ports="", allow_http=False))
    ready = await strict.load(endpoint_id)
    assert ready is not None
    assert ready.target is None
    assert not ready.head.startswith(b"POST")


async def test_a_change_is_seen_when_the_versions_are_looked_at(site: Site, book: EndpointBook) -> None:
    endpoint_id = await site.register("http://127.0.0.1:9/old")
    await book.load(endpoint_id)
    await book.refresh()
    assert book.find(endpoint_id) is not None
    await change(site, endpoint_id, url="http://127.0.0.1:9/new")
    await book.refresh()
    assert book.find(endpoint_id) is None
    ready = await book.load(endpoint_id)
    assert ready is not None
    assert ready.head.startswith(b"POST /new ")


async def test_a_hint_of_a_newer_version_forgets_the_workspace_and_an_older_one_does_not(
    site: Site, book: EndpointBook
) -> None:
    endpoint_id, neighbour = await site.register(), Site(site.wiring, site.queue)
    await neighbour.add_workspace()
    other = await neighbour.register()
    await book.load(endpoint_id)
    await book.load(other)
    for version in (0, 1):
        book.note_version(site.workspace_id, version)
        assert book.find(endpoint_id) is not None
    book.note_version(site.workspace_id, 2)
    assert book.find(endpoint_id) is None
    assert book.find(other) is not None


async def test_word_of_a_change_forgets_the_workspace(site: Site, book: EndpointBook) -> None:
    endpoint_id = await site.register()
    await book.load(endpoint_id)
    book.forget("ws_other")
    assert book.find(endpoint_id) is not None
    book.forget(site.workspace_id)
    assert book.find(endpoint_id) is None
    book.forget(site.workspace_id)


async def test_endpoints_of_one_workspace_are_always_of_one_version(site: Site, book: EndpointBook) -> None:
    """What was read before a change is not kept beside what was read after it."""
    first, second = await site.register(), await site.register()
    await book.load(first)
    await change(site, first, url="http://127.0.0.1:9/new")
    await book.load(second)
    assert book.find(first) is None
    assert book.find(second) is not None


async def test_no_more_endpoints_are_kept_than_there_is_room_for(
    site: Site, book: EndpointBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MOST_ENDPOINTS", 3)
    sites = [Site(site.wiring, site.queue) for _ in range(5)]
    ids = []
    for other in sites:
        await other.add_workspace()
        ids.append(await other.register())
        await book.load(ids[-1])
    assert [book.find(id_) is not None for id_ in ids] == [False, False, True, True, True]
    await book.refresh()


async def test_a_database_that_is_away_fails_everybody_who_waits(site: Site) -> None:
    away = Database(Address.parse("sqlite:////nowhere/at/all.db"), LocalQueue())
    book = EndpointBook(away, keyring=site.wiring.keyring, egress=site.wiring.egress, user_agent="Tests/1")
    for _ in range(2):
        answers = await asyncio.gather(*(book.load("ep_1") for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [Unavailable] * 3
    await away.engine.dispose()
