"""Scripts: transactions written once, that mean the same on both databases."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest

from app.store.database import Database
from app.store.hot import session_statements
from app.store.hot.scripts import (
    Each,
    Fetch,
    Script,
    ScriptRunner,
    bind_value,
    read_instant,
    to_sqlite,
)
from app.store.models import StoredValue
from tests.store.session_rows import rows_of

MOMENT = datetime(2026, 1, 31, 9, 30, 0, 123457, tzinfo=UTC)

INSERT = """
INSERT INTO stored_values (workflow_id, key, workspace_id, value, updated_at) VALUES ($1, $2, 'ws_1', $3, $4)
"""


@pytest.fixture
def scripts(database: Database) -> ScriptRunner:
    """What carries out the scripts of sessions, which no test of theirs sees."""
    runner: ScriptRunner = database.sessions._run.__self__
    return runner


def insert(*keys: str) -> Callable[[], Script[int]]:
    def script() -> Script[int]:
        yield Each(INSERT, [("wf_1", key, key.upper(), MOMENT) for key in keys])
        return len(keys)

    return script


async def keys_of(database: Database) -> list[str]:
    return [row.key for row in await rows_of(database, StoredValue, "key")]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT $1, $12, $2", "SELECT ?1, ?12, ?2"),
        ("WHERE id = ANY($1) AND x = $2", "WHERE id IN (SELECT value FROM json_each(?1)) AND x = ?2"),
        ("CASE WHEN $4::boolean THEN 1 END", "CASE WHEN ?4 THEN 1 END"),
        ("SELECT 1 FOR UPDATE", "SELECT 1 "),
        ("(SELECT 1 LIMIT $4 FOR UPDATE SKIP LOCKED)", "(SELECT 1 LIMIT ?4 )"),
        ("SELECT 1 FOR SHARE", "SELECT 1 "),
        ("SELECT 'no $ sign'", "SELECT 'no $ sign'"),
    ],
)
def test_a_statement_is_put_into_sqlites_words(statement: str, expected: str) -> None:
    assert to_sqlite(statement) == expected


@pytest.mark.parametrize(
    "name", [name for name in vars(session_statements) if name.isupper()], ids=lambda name: str(name)
)
def test_no_statement_keeps_words_that_only_postgresql_knows(name: str) -> None:
    statement = to_sqlite(getattr(session_statements, name))
    for word in ("$", "::", "ANY(", "FOR UPDATE", "SKIP LOCKED"):
        assert word not in statement


def test_a_list_is_bound_as_json_and_a_time_as_microseconds() -> None:
    assert bind_value(["a", 'b"c', "ü"]) == '["a","b\\"c","ü"]'
    assert bind_value([]) == "[]"
    assert bind_value(MOMENT) == 1_769_851_800_123_457
    assert bind_value(MOMENT.astimezone(timezone(timedelta(hours=5)))) == 1_769_851_800_123_457
    for value in (None, True, 0, 1.5, "text", b"bytes"):
        assert bind_value(value) is value


def test_times_are_read_alike() -> None:
    assert read_instant(1_769_851_800_123_457) == read_instant(MOMENT) == MOMENT


async def test_a_script_gets_the_rows_of_what_it_fetches_and_returns_its_value(
    database: Database, scripts: ScriptRunner
) -> None:
    def script() -> Script[list[str]]:
        yield Each(INSERT, [("wf_1", key, "v", MOMENT) for key in ("b", "a", "c")])
        rows = yield Fetch(
            "SELECT key FROM stored_values WHERE key = ANY($1) ORDER BY key", (["a", "c", "z"],)
        )
        return [row[0] for row in rows]

    assert await scripts.run(script) == ["a", "c"]
    assert await keys_of(database) == ["a", "b", "c"]


async def test_values_of_every_kind_come_back_as_they_were(scripts: ScriptRunner) -> None:
    def script() -> Script[tuple[object, ...]]:
        text = "quotes \"', ünïcode, 漢字, 🎈 and \\"
        yield Each(INSERT, [("wf_1", "k", text, MOMENT)])
        [row] = yield Fetch("SELECT value, updated_at FROM stored_values WHERE updated_at = $1", (MOMENT,))
        assert row[0] == text
        return (read_instant(row[1]),)

    assert await scripts.run(script) == (MOMENT,)


async def test_a_statement_for_no_rows_is_not_carried_out(database: Database, scripts: ScriptRunner) -> None:
    def script() -> Script[list[object]]:
        nothing = yield Each("this is no SQL", [])
        empty = yield Fetch("SELECT key FROM stored_values WHERE key = ANY($1)", ([],))
        return [nothing, empty]

    assert await scripts.run(script) == [[], []]


async def test_a_script_that_yields_nothing_returns_its_value(scripts: ScriptRunner) -> None:
    def script() -> Script[str]:
        return "done"
        yield

    assert await scripts.run(script) == "done"


async def test_an_error_in_the_script_rolls_all_of_it_back(database: Database, scripts: ScriptRunner) -> None:
    def script() -> Script[None]:
        yield Each(INSERT, [("wf_1", "a", "v", MOMENT)])
        raise ValueError("second thoughts")

    with pytest.raises(ValueError, match="second thoughts"):
        await scripts.run(script)
    assert await keys_of(database) == []
    assert await scripts.run(insert("b")) == 1
    assert await keys_of(database) == ["b"]


async def test_an_error_of_the_database_rolls_all_of_it_back(
    database: Database, scripts: ScriptRunner
) -> None:
    def script() -> Script[None]:
        yield Each(INSERT, [("wf_1", "a", "v", MOMENT)])
        yield Each(INSERT, [("wf_1", "b", "v", MOMENT), ("wf_1", "a", "v", MOMENT)])

    with pytest.raises((sqlite3.IntegrityError, asyncpg.UniqueViolationError)):
        await scripts.run(script)
    assert await keys_of(database) == []


async def test_one_that_fails_does_not_hurt_those_that_are_committed_with_it(
    database: Database, scripts: ScriptRunner
) -> None:
    await scripts.run(insert("taken"))
    results = await asyncio.gather(
        *(scripts.run(insert(*keys)) for keys in (["a"], ["b", "taken"], ["c", "d"], ["taken"], ["e"])),
        return_exceptions=True,
    )
    assert [result for result in results if isinstance(result, int)] == [1, 2, 1]
    assert [type(results[place]) for place in (1, 3)] in (
        [sqlite3.IntegrityError] * 2,
        [asyncpg.UniqueViolationError] * 2,
    )
    assert await keys_of(database) == ["a", "c", "d", "e", "taken"]


async def test_scripts_that_lock_the_same_rows_take_turns(scripts: ScriptRunner) -> None:
    def add() -> Script[None]:
        statement = "SELECT value FROM stored_values WHERE key = $1 FOR UPDATE"
        [row] = yield Fetch(statement, ("n",))
        yield Each("UPDATE stored_values SET value = $2 WHERE key = $1", [("n", str(int(row[0]) + 1))])

    def begin() -> Script[None]:
        yield Each(INSERT, [("wf_1", "n", "0", MOMENT)])

    def read() -> Script[str]:
        [row] = yield Fetch("SELECT value FROM stored_values WHERE key = $1", ("n",))
        value: str = row[0]
        return value

    await scripts.run(begin)
    await asyncio.gather(*(scripts.run(add) for _ in range(30)))
    assert await scripts.run(read) == "30"
