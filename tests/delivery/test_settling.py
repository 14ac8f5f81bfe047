"""Results on their way into the database: together, again after it was away, and without the unfit ones."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import pytest

from app.store.hot.contract import Settlement, Work
from app.store.hot.sqlite import SqliteHotStore
from app.store.hot.writer import Writer
from app.telemetry import Metrics
from delivery import settling
from delivery.settling import MOST_TOGETHER, Settler
from tests.eventually import eventually
from tests.outbound.sites import Site, new_site
from tests.postgres_server import Postgres
from tests.services import migrate
from tests.store.rows import add_endpoint, claim, publish_to, read_attempts, replaced, settlement


class Book:
    """A settler, and the batches that it said were dealt with."""

    def __init__(self, site: Site) -> None:
        self.batches: list[list[str]] = []
        self.metrics = Metrics()
        self.tokens: dict[str, int] = {}
        self.settler = Settler(
            site.database.hot, metrics=self.metrics, settled=self._note, token_of=self.tokens.get
        )

    def _note(self, settlements: Sequence[Settlement]) -> None:
        self.batches.append([one.delivery_id for one in settlements])

    @property
    def done(self) -> list[str]:
        return [delivery_id for batch in self.batches for delivery_id in batch]

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def book(site: Site) -> Book:
    return Book(site)


async def claimed(site: Site, number: int) -> list[Work]:
    endpoint_id = await add_endpoint(site.database, site.workspace_id)
    await publish_to(site.database, endpoint_id, number, workspace_id=site.workspace_id)
    return await claim(site.database, endpoint_id, number)


async def test_results_that_come_together_are_recorded_together(site: Site, book: Book) -> None:
    works = await claimed(site, 50)
    for work in works:
        book.settler.put(settlement(work))
    await book.settler.drain()
    assert book.batches == [[work.delivery_id for work in works]]
    assert await site.statuses() == {"succeeded": 50}


async def test_a_statement_has_a_bounded_number_of_results(site: Site, book: Book) -> None:
    works = await claimed(site, 2 * MOST_TOGETHER + 1)
    for work in works:
        book.settler.put(settlement(work))
    await book.settler.drain()
    assert [len(batch) for batch in book.batches] == [MOST_TOGETHER, MOST_TOGETHER, 1]


async def test_results_that_come_during_a_statement_go_into_the_next(site: Site, book: Book) -> None:
    works = await claimed(site, 60)
    for work in works[:30]:
        book.settler.put(settlement(work))
    await eventually(lambda: book.batches, what="the first batch is recorded")
    for work in works[30:]:
        book.settler.put(settlement(work))
    await book.settler.drain()
    assert sorted(book.done) == sorted(work.delivery_id for work in works)


async def test_attempts_are_counted_by_their_result(site: Site, book: Book) -> None:
    works = await claimed(site, 3)
    for work, result in zip(works, ["2xx", "2xx", "timeout"], strict=True):
        book.settler.put(settlement(work, result=result))
    await book.settler.drain()
    assert book.count("aetherflow_attempts_total", result="2xx") == 2
    assert book.count("aetherflow_attempts_total", result="timeout") == 1
    assert book.count("aetherflow_attempt_seconds_count") == 3


async def test_results_without_their_lease_are_counted_as_lost_and_dealt_with(site: Site, book: Book) -> None:
    works = await claimed(site, 3)
    book.settler.put(settlement(replaced(works[0], token=works[0].token + 1_000_000)))
    book.settler.put(settlement(works[1]))
    await book.settler.drain()
    assert book.count("aetherflow_leases_lost_total") == 1
    assert sorted(book.done) == sorted(work.delivery_id for work in works[:2])


async def test_a_result_counts_under_the_lease_that_its_delivery_has_by_now(site: Site, book: Book) -> None:
    [work] = await claimed(site, 1)
    [anew] = await claim(site.database, work.endpoint_id, seconds=1005)
    book.tokens[work.delivery_id] = anew.token
    book.settler.put(settlement(work))
    await book.settler.drain()
    assert await site.statuses() == {"succeeded": 1}


class OvertakingStore(SqliteHotStore):
    """A database in which a claim is carried out just before the first settlement."""

    overtake: Callable[[], Awaitable[None]] | None = None

    async def settle(self, settlements: Sequence[Settlement]) -> int:
        overtake, self.overtake = self.overtake, None
        if overtake is not None:
            await overtake()
        return await super().settle(settlements)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_result_overtaken_by_a_claim_of_its_own_process_goes_once_more(site: Site) -> None:
    works = await claimed(site, 2)
    assert site.database.address.path is not None
    store = OvertakingStore(Writer(site.database.address.path, asyncio.Lock()))
    await store.open()
    own, site.database.hot = site.database.hot, store
    book = Book(site)
    site.database.hot = own

    async def overtake() -> None:
        [anew] = await claim(site.database, works[0].endpoint_id, 1, seconds=1005)
        book.tokens[anew.delivery_id] = anew.token

    store.overtake = overtake
    for work in works:
        book.settler.put(settlement(work))
    await book.settler.drain()
    assert await site.statuses() == {"succeeded": 2}
    assert book.batches == [[works[1].delivery_id], [works[0].delivery_id]]
    assert book.count("aetherflow_leases_lost_total") == 0
    await store.close()


async def test_a_result_that_no_database_can_hold_takes_no_other_along(site: Site, book: Book) -> None:
    works = await claimed(site, 10)
    for place, work in enumerate(works):
        error = "a lone surrogate: \ud800" if place == 4 else None
        book.settler.put(settlement(work, error=error))
    await book.settler.drain()
    assert await site.statuses() == {"succeeded": 9, "pending": 1}
    # It is let go of too: nobody renews its lease, and it is tried again.
    assert Counter(book.done) == Counter(work.delivery_id for work in works)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_results_wait_for_a_locked_database_and_are_recorded_once(
    site: Site, database_url: str, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "AWAY_SECONDS", 0.05)
    works = await claimed(site, 20)
    assert isinstance(site.database.hot, SqliteHotStore)
    await site.database.hot._writer.run(lambda c: c.execute("PRAGMA busy_timeout=20").fetchone())
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for work in works[:10]:
        book.settler.put(settlement(work))
    await eventually(lambda: book.settler.is_behind, what="the database was found locked")
    for work in works[10:]:
        book.settler.put(settlement(work))
    assert book.batches == []
    other.close()
    await book.settler.drain()
    assert sorted(book.done) == sorted(work.delivery_id for work in works)
    assert not book.settler.is_behind
    assert await site.statuses() == {"succeeded": 20}


async def test_results_survive_the_death_of_the_database_server(
    own_postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "AWAY_SECONDS", 0.05)
    await asyncio.to_thread(migrate, own_postgres.url())
    async with new_site(own_postgres.url()) as site:
        book = Book(site)
        works = await claimed(site, 20)
        await asyncio.to_thread(own_postgres.kill9)
        for work in works:
            book.settler.put(settlement(work))
        await eventually(lambda: book.settler.is_behind, what="the database was found dead")
        await asyncio.to_thread(own_postgres.start)
        await book.settler.drain()
        assert await site.statuses() == {"succeeded": 20}
        assert [len(await read_attempts(site.database, work.delivery_id)) for work in works] == [1] * 20
