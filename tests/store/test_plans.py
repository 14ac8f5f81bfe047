"""How the databases look for rows: by an index, always, and without reading what nobody asked for."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import asyncpg
import httpx2
import orjson
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.cli.serving.parts import prepare
from app.main import create_app, create_server
from app.queue import LocalQueue
from app.runner.performer import Performer
from app.store.database import Database
from app.store.hot import postgresql, sqlite
from tests.databases import PostgresDatabases, SqliteDatabases
from tests.opened import opened
from tests.outbound.sites import new_wiring
from tests.store.many_rows import FIRST_MS, WORKSPACE_ID, add_many_rows

API_KEY = f"afk_{'a' * 40}"

LARGE = {"deliveries", "events", "attempts", "requests", "sessions", "session_log"}

# More than a page, a claim or a look at due work ever needs, and a fraction of the table.
MOST_ROWS_READ = 5_000

MIDDLE = 50_003
ENDPOINT = "ep_" + "7".rjust(32, "0")
EVENT = f"evt_{FIRST_MS + MIDDLE // 5 * 1000:012x}{MIDDLE // 5:020d}"
DELIVERY = f"dlv_{FIRST_MS + MIDDLE // 5 * 1000:012x}{MIDDLE:020d}"
SESSION = f"ses_{FIRST_MS + 40_003 * 1000:012x}{40_003:020d}"
REQUEST = f"req_{FIRST_MS + 40_003 * 1000:012x}{40_003:020d}"
WORKFLOW = "wf_" + "7".rjust(32, "0")
UNUSED = "wf_" + "99".rjust(32, "0")
SPAN = "since=2026-01-31T12:00:00Z&until=2026-01-31T12:10:00Z"

PAGES = [
    "/deliveries",
    "/deliveries?status=pending",
    "/deliveries?status=failed",
    "/deliveries?status=succeeded",
    "/deliveries?status=cancelled",
    f"/deliveries?endpoint_id={ENDPOINT}",
    f"/deliveries?endpoint_id={ENDPOINT}&status=failed",
    f"/deliveries?event_id={EVENT}",
    "/deliveries?event=type.number_3",
    f"/deliveries?{SPAN}",
    f"/deliveries?status=failed&{SPAN}",
    "/events",
    "/events?event=type.number_3",
    "/events?event=type.of_nobody",
    f"/events?{SPAN}",
    "/endpoints",
    "/endpoints?enabled=false",
    "/workflows",
    "/workflows?name=w7",
    "/sessions",
    "/sessions?status=completed",
    "/sessions?status=failed",
    "/sessions?status=stopped",
    "/sessions?status=waiting",
    "/sessions?status=created",
    f"/sessions?workflow_id={UNUSED}",
    "/sessions?trigger=t7",
    "/sessions?trigger=t99",
    "/sessions?trigger=nobody",
    f"/sessions?request_id={REQUEST}",
    f"/sessions?{SPAN}",
    "/requests",
    "/requests?matched=true",
    "/requests?matched=false",
    f"/requests?workflow_id={WORKFLOW}",
    f"/requests?workflow_id={UNUSED}",
    "/requests?trigger=t7",
    "/requests?trigger=t99",
    "/requests?trigger=nobody",
    f"/requests?{SPAN}",
    "/api-keys",
    "/members",
    "/members?role=owner",
    "/members?email=ada@example.com",
    "/invitations",
    "/invitations?state=open",
]

DETAILS = [
    f"/deliveries/{DELIVERY}",
    f"/events/{EVENT}",
    f"/endpoints/{ENDPOINT}",
    f"/workflows/{WORKFLOW}/triggers",
    f"/workflows/{WORKFLOW}/sessions",
    f"/workflows/{UNUSED}/sessions",
    f"/sessions/{SESSION}/log",
    f"/sessions/{SESSION}/log?after=1",
    f"/workflows/{WORKFLOW}",
    f"/sessions/{SESSION}",
    f"/requests/{REQUEST}",
]


@pytest.fixture(scope="module")
def many_rows_url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    with postgres_databases.fresh() as url:
        yield url


@pytest.fixture(scope="module")
def empty_url(sqlite_databases: SqliteDatabases) -> Iterator[str]:
    with sqlite_databases.fresh() as url:
        yield url


@pytest.fixture
async def many_rows(many_rows_url: str) -> AsyncIterator[Database]:
    """The same for all tests of this module, none of which changes it."""
    async with opened(many_rows_url) as database:
        async with database.read() as tx:
            is_new = await tx.scalar(text("SELECT count(*) FROM events")) == 0
        if is_new:
            await add_many_rows(database)
        yield database


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def sequential_scans(plan: Mapping[str, Any]) -> list[str]:
    return [
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    ]


def rows_read(plan: Mapping[str, Any]) -> float:
    """Return how many rows of tables were looked at, whether they fitted or not."""
    return float(
        sum(
            node["Actual Loops"]
            * (
                node["Actual Rows"]
                + node.get("Rows Removed by Filter", 0)
                + node.get("Rows Removed by Index Recheck", 0)
            )
            for node in nodes(plan)
            if "Relation Name" in node and "Scan" in node["Node Type"]
        )
    )


class Spy:
    """Notes the SELECTs that an engine executes."""

    def __init__(self, database: Database) -> None:
        self.selects: list[tuple[str, Any]] = []
        event.listen(database.engine.sync_engine, "before_cursor_execute", self.note)

    def note(self, _: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith("SELECT"):
            self.selects.append((statement, parameters))


@contextlib.asynccontextmanager
async def api(
    database_url: str, *, workspace_id: str | None = None
) -> AsyncIterator[tuple[httpx2.AsyncClient, Database]]:
    """Give a client of the API, of that workspace if one is named, and the database behind it."""
    wiring = new_wiring(database_url, LocalQueue(), bootstrap_api_key=API_KEY)
    await prepare(wiring)
    if workspace_id is not None:
        async with wiring.database.write() as tx:
            await tx.execute(text(f"UPDATE api_keys SET workspace_id = '{workspace_id}'"))

    async def tell() -> dict[str, str]:
        return {}

    performer = Performer(wiring, claims=False)
    server = create_server(create_app(wiring, told=tell), wiring=wiring, performer=performer)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=server),
        base_url="http://test/api/v1",
        headers={"Authorization": f"Bearer {API_KEY}"},
    ) as client:
        yield client, wiring.database
    await wiring.database.engine.dispose()


@pytest.mark.parametrize("path", PAGES + DETAILS)
async def test_a_page_of_the_api_is_found_on_postgresql_without_reading_a_table(
    many_rows: Database, many_rows_url: str, path: str
) -> None:
    async with api(many_rows_url, workspace_id=WORKSPACE_ID) as (client, database):
        spy = Spy(database)
        response = await client.get(path)
        assert response.status_code == 200, response.text
        assert spy.selects
        async with database.engine.connect() as connection:
            for statement, parameters in spy.selects:
                explained = await connection.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
                )
                plan = explained.scalar_one()[0]["Plan"]
                assert sequential_scans(plan) == [], statement
                assert rows_read(plan) < MOST_ROWS_READ, statement


MOMENT = "timestamptz '2026-01-31 10:00:00+00'"
HOT = {
    "publish": (
        postgresql.PUBLISHING,
        postgresql.PUBLISH,
        f"'{{ws_many}}', '{{evt_new}}', '{{a.b}}', '{{x}}', array[{MOMENT}], '{{0}}', '{{ws_many}}', '{{dlv_new}}',"
        f" '{{evt_new}}', '{{a.b}}', '{{{ENDPOINT}}}', array[{MOMENT}], {MOMENT}, 7, '{{0}}'",
    ),
    "due_endpoints": (postgresql.CLAIMING, postgresql.DUE_ENDPOINTS, f"{MOMENT}, 2000, ''"),
    "claim": (
        postgresql.CLAIMING,
        postgresql.CLAIM,
        f"'{{ep_{50:032d},ep_{150:032d}}}', '{{200,200}}', 7, {MOMENT}, {MOMENT}",
    ),
    "settle": (
        postgresql.SETTLING,
        postgresql.SETTLE,
        f"'{{ws_many}}', '{{{DELIVERY}}}', '{{7}}', '{{1}}', '{{failed}}', '{{gone}}', array[{MOMENT}],"
        f" array[{MOMENT}], array[{MOMENT}], '{{4xx}}', '{{no}}', '{{410}}', '{{1}}', '{{1}}', '{{1}}', '{{1}}',"
        " '{p}', '{k}', '{x}', '{x}', '{x}', '{f}'",
    ),
    "renew": (postgresql.SETTLING, postgresql.RENEW, f"'{{ws_many}}', '{{{DELIVERY}}}', '{{7}}', {MOMENT}"),
    "release": (postgresql.SETTLING, postgresql.RELEASE, f"'{{ws_many}}', '{{{DELIVERY}}}', '{{7}}'"),
}


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_statement_is_carried_out_on_postgresql_without_reading_a_table(
    many_rows: Database, name: str
) -> None:
    settings, statement, arguments = HOT[name]
    connection = await asyncpg.connect(many_rows.address.url, server_settings=settings)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"PREPARE hot AS {statement}")
    [row] = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE hot ({arguments})")
    await transaction.rollback()
    await connection.close()
    plan = orjson.loads(row[0])[0]["Plan"]
    assert sequential_scans(plan) == []
    assert rows_read(plan) < MOST_ROWS_READ


ENTIRE = re.compile(r"SCAN (deliveries|events|attempts|endpoints|d|e|t)\b(?! USING (COVERING )?INDEX)")

SQLITE_HOT = {
    name: getattr(sqlite, name)
    for name in (
        "VERSIONS",
        "KNOWN_EVENTS",
        "DUE_ENDPOINTS",
        "CLAIMABLE",
        "CLAIM",
        "CLAIMED",
        "HELD",
        "LOST",
        "SETTLE",
        "SET_LEASES",
        "VOID_LEASES",
    )
}


async def plan_on_sqlite(connection: AsyncConnection, statement: str, parameters: Any) -> list[str]:
    """Return the steps of a plan, which SQLite makes without looking at parameters or sizes."""
    rows: Any = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [row[3] for row in rows]


@pytest.mark.parametrize("name", SQLITE_HOT)
async def test_a_hot_statement_is_carried_out_on_sqlite_without_reading_a_table(
    empty_url: str, name: str
) -> None:
    statement = SQLITE_HOT[name]
    names = re.findall(r":(\w+)", statement)
    parameters: Any = dict.fromkeys(names) if names else (None,) * statement.count("?")
    async with opened(empty_url) as database, database.engine.connect() as connection:
        steps = await plan_on_sqlite(connection, statement, parameters)
    assert [step for step in steps if ENTIRE.match(step)] == []


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_of_the_api_is_found_on_sqlite_without_reading_a_table(
    empty_url: str, path: str
) -> None:
    async with api(empty_url) as (client, database):
        spy = Spy(database)
        response = await client.get(path)
        assert response.status_code == 200, response.text
        assert spy.selects
        async with database.engine.connect() as connection:
            for statement, parameters in spy.selects:
                steps = await plan_on_sqlite(connection, statement, parameters)
                assert [step for step in steps if ENTIRE.match(step)] == [], statement
