"""How the databases look for the rows of sessions: by an index, always, among a hundred thousand of them.

On PostgreSQL a statement is planned once for each connection, perhaps before anybody has counted the rows.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest
from sqlalchemy import text

from app.store.database import Database
from app.store.hot import session_statements
from app.store.hot.scripts import SETTINGS, bind, to_sqlite
from tests.databases import PostgresDatabases, SqliteDatabases
from tests.opened import opened

SESSIONS = 100_000
OTHERS = 20_000
FIRST = "2026-01-31 09:30:00+00"
MIDDLE = 10_003

LARGE = {"sessions", "requests", "subscriptions", "arrivals", "signals", "journal", "session_log", "outcomes"}

# More than any of these statements needs, and a fraction of the table.
MOST_ROWS_READ = 500

# Most have ended; one in ten is parked, half of those without an end; one in a hundred is due, half of those leased.
ROWS = [
    f"""
    INSERT INTO sessions (id, workspace_id, workflow_id, deployment_id, request_id, call, is_durable, is_sync, status,
                          attempt, deaths, active_seconds, due_at, leased_until, lease_token, wakes, stop_forced,
                          log_length, created_at, finished_at)
    SELECT 'ses_' || lpad(n::text, 32, '0'), 'ws_1', 'wf_' || n % 50, 'dep_' || n % 70,
           'req_' || lpad(n::text, 32, '0'), 'a.py:f', true, false,
           CASE WHEN n % 10 = 0 THEN 'waiting' WHEN n % 100 = 1 THEN 'created' ELSE 'completed' END,
           1, 0, 0, CASE WHEN n % 20 = 0 THEN timestamptz '{FIRST}' + interval '1 day'
                         WHEN n % 10 > 0 THEN timestamptz '{FIRST}' + n * interval '1 ms' END,
           CASE WHEN n % 200 = 1 THEN timestamptz '{FIRST}' + interval '1 day' END,
           CASE WHEN n % 200 = 1 THEN n END, 0, false, 1, timestamptz '{FIRST}' + n * interval '1 ms',
           CASE WHEN n % 10 > 0 AND n % 100 <> 1 THEN timestamptz '{FIRST}' END
    FROM generate_series(0, {SESSIONS - 1}) n
    """,
    f"""
    INSERT INTO requests (id, workspace_id, workflow_id, trigger_id, method, raw_url, suffix, headers, body,
                          received_at, dedupe_key)
    SELECT 'req_' || lpad(n::text, 32, '0'), 'ws_1', 'wf_' || n % 50, 'trg_' || n % 50, 'POST', '/', '', '[]', '',
           timestamptz '{FIRST}', CASE WHEN n % 2 = 0 THEN 'key' || n END
    FROM generate_series(0, {OTHERS - 1}) n
    """,
    f"""
    INSERT INTO subscriptions (id, workspace_id, session_id, trigger_id, filter, created_at)
    SELECT 'sub_' || lpad(n::text, 32, '0'), 'ws_1', 'ses_' || lpad(n::text, 32, '0'), 'trg_' || n % 1000, '',
           timestamptz '{FIRST}'
    FROM generate_series(0, {OTHERS - 1}) n
    """,
    f"""
    INSERT INTO arrivals (subscription_id, request_id)
    SELECT 'sub_' || lpad(n::text, 32, '0'), 'req_' || n FROM generate_series(0, {OTHERS - 1}) n
    """,
    f"""
    INSERT INTO signals (id, workspace_id, session_id, name, payload, created_at)
    SELECT 'sig_' || n, 'ws_1', 'ses_' || lpad(n::text, 32, '0'), 'go', '1', timestamptz '{FIRST}'
    FROM generate_series(0, {OTHERS - 1}) n
    """,
    f"""
    INSERT INTO journal (session_id, seq, kind, name, result)
    SELECT 'ses_' || lpad((n / 10)::text, 32, '0'), n % 10, 'step', 'a', 'j1' FROM generate_series(0, {OTHERS - 1}) n
    """,
]

SESSION = f"ses_{MIDDLE:032d}"
LEASED = f"ses_{40_001:032d}"
REQUEST = f"req_{MIDDLE:032d}"
MOMENT = datetime(2026, 1, 31, 10, tzinfo=UTC)

STATEMENTS: dict[str, tuple[Any, ...]] = {
    "SUBSCRIPTIONS": (["trg_7", "trg_8"],),
    "FORGET_KEY": ("trg_8", "key10008", MOMENT),
    "WAKE": (SESSION, MOMENT),
    "CLAIM": (MOMENT, MOMENT, 7, 20),
    "REQUESTS": ([REQUEST, f"req_{7:032d}"],),
    "LEASES": ([SESSION, LEASED],),
    "RENEW": (LEASED, 40_001, MOMENT),
    "SET_LOG_LENGTH": (SESSION, 3),
    "KEEP_SHOWN": (SESSION, "{}", None),
    "CHANGE_SESSION": (SESSION, "completed", None, False, 1.0, 0, None, None, None, None, None, MOMENT, 7),
    "FORGET_ARRIVALS": (SESSION,),
    "FORGET_SUBSCRIPTIONS": (SESSION,),
    "FORGET_SIGNALS": (SESSION,),
    "FORGET_RECORDS": (SESSION,),
}


@pytest.fixture(scope="module", params=["counted", "uncounted"])
def many_sessions_url(request: pytest.FixtureRequest, postgres_databases: PostgresDatabases) -> Iterator[str]:
    with postgres_databases.fresh() as url:
        yield f"{url}#{request.param}"


@pytest.fixture
async def many_sessions(many_sessions_url: str) -> AsyncIterator[Database]:
    """The same for all tests of this module, none of which changes it."""
    url, _, sizes = many_sessions_url.partition("#")
    async with opened(url) as database:
        async with database.read() as tx:
            is_new = await tx.scalar(text("SELECT count(*) FROM sessions")) == 0
        if is_new:
            await fill(database, is_counted=sizes == "counted")
        yield database


async def fill(database: Database, *, is_counted: bool) -> None:
    async with database.write() as tx:
        for table in sorted(LARGE):
            await tx.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
        for statement in ROWS:
            await tx.execute(text(statement.replace(":", "\\:")))
    if is_counted:
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("VACUUM ANALYZE"))


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def rows_read(plan: Mapping[str, Any]) -> float:
    return float(
        sum(
            node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
            for node in nodes(plan)
            if "Scan" in node["Node Type"] and node["Node Type"] != "Subquery Scan"
        )
    )


def literal(value: Any) -> str:
    """Return a value as SQL says it."""
    match value:
        case None:
            return "NULL"
        case datetime():
            return f"timestamptz '{value.isoformat()}'"
        case list():
            return f"'{{{','.join(value)}}}'"
        case str():
            return f"'{value}'"
    return str(value)


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_of_sessions_is_carried_out_on_postgresql_without_reading_a_table(
    many_sessions: Database, name: str
) -> None:
    statement = getattr(session_statements, name)
    connection = await asyncpg.connect(many_sessions.address.url, server_settings=SETTINGS)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"PREPARE hot AS {statement}")
    arguments = ", ".join(literal(value) for value in STATEMENTS[name])
    [row] = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE hot ({arguments})")
    await transaction.rollback()
    await connection.close()
    plan = orjson.loads(row[0])[0]["Plan"]
    scanned = [node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    assert set(scanned) & LARGE == set()
    assert rows_read(plan) < MOST_ROWS_READ


@pytest.fixture(scope="module")
def empty_url(sqlite_databases: SqliteDatabases) -> Iterator[str]:
    with sqlite_databases.fresh() as url:
        yield url


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_of_sessions_is_carried_out_on_sqlite_without_reading_a_table(
    empty_url: str, name: str
) -> None:
    statement = to_sqlite(getattr(session_statements, name))
    async with opened(empty_url) as database, database.engine.connect() as connection:
        rows: Any = await connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", tuple(bind(STATEMENTS[name]))
        )
        steps = [row[3] for row in rows]
    assert [step for step in steps if step.startswith("SCAN ") and step.split()[1] in LARGE] == []
