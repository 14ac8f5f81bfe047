"""A hundred thousand deliveries, made by the database itself, for tests of how it looks for rows.

The workspace `ws_many` has a thousand endpoints and twenty thousand events, one a second, with five deliveries each.
One delivery in ten has failed, one in fifty is pending; a few of the pending are leased. None was cancelled.

It has a hundred workflows of one trigger each, and fifty thousand requests with a session each, one a second. One
session in a thousand waits, one in a thousand has failed, none was stopped; one request in a thousand matched
nothing. The hundredth workflow has no requests.
"""

from sqlalchemy import text

from app.store.database import Database

WORKSPACE_ID = "ws_many"
DELIVERIES = 100_000
SESSIONS = 50_000

# Ids as ours are: prefix, milliseconds in twelve hex digits, twenty more.
FIRST_MS = 1_769_851_800_000
FIRST = "2026-01-31 09:30:00+00"

SPEC = (
    '{"is_sync": false, "is_durable": false, "event_type": null, "filter": null, "call": null, "schedule": null,'
    ' "timezone": "UTC"}'
)

POSTGRESQL = [
    f"""
    INSERT INTO workspaces (id, name, endpoints_version, created_at) VALUES ('{WORKSPACE_ID}', 'many', 0, '{FIRST}')
    ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO endpoints (id, workspace_id, url, events, metadata, schemes, timeout_seconds, enabled, created_at,
                           updated_at)
    SELECT 'ep_' || lpad(n::text, 32, '0'), '{WORKSPACE_ID}', 'http://127.0.0.1:9/', '[]', '{{}}', '["v1"]', 10,
           n % 20 <> 0, '{FIRST}', '{FIRST}'
    FROM generate_series(0, 999) n
    """,
    f"""
    INSERT INTO events (workspace_id, id, type, body, created_at)
    SELECT '{WORKSPACE_ID}', 'evt_' || lpad(to_hex({FIRST_MS} + n * 1000), 12, '0') || lpad(n::text, 20, '0'),
           'type.number_' || n % 7,
           convert_to('{{"event":"type.number_' || n % 7 || '","id":"evt_' || n
                      || '","timestamp":"2026-01-31T09:30:00Z","data":{{}}}}', 'UTF8'),
           timestamptz '{FIRST}' + n * interval '1 s'
    FROM generate_series(0, {DELIVERIES // 5 - 1}) n
    """,
    f"""
    INSERT INTO deliveries (workspace_id, id, event_id, event_type, endpoint_id, status, attempt_count, single_try,
                            test, due_at, created_at, leased_until, lease_token)
    SELECT '{WORKSPACE_ID}', 'dlv_' || lpad(to_hex({FIRST_MS} + n / 5 * 1000), 12, '0') || lpad(n::text, 20, '0'),
           'evt_' || lpad(to_hex({FIRST_MS} + n / 5 * 1000), 12, '0') || lpad((n / 5)::text, 20, '0'),
           'type.number_' || (n / 5) % 7, 'ep_' || lpad((n * 7919 % 1000)::text, 32, '0'),
           CASE WHEN n % 50 = 0 THEN 'pending' WHEN n % 10 = 1 THEN 'failed' ELSE 'succeeded' END,
           1, false, n % 5000 = 0, timestamptz '{FIRST}' + n / 5 * interval '1 s',
           timestamptz '{FIRST}' + n / 5 * interval '1 s',
           CASE WHEN n % 500 = 0 THEN timestamptz '{FIRST}' + interval '1 day' END, CASE WHEN n % 500 = 0 THEN n END
    FROM generate_series(0, {DELIVERIES - 1}) n
    """,
    f"""
    INSERT INTO attempts (delivery_id, number, workspace_id, started_at, result, duration_ms, request_headers,
                          response_headers, response_body, response_truncated)
    SELECT id, 1, '{WORKSPACE_ID}', created_at, '2xx', 1, '', '', '', false FROM deliveries
    """,
    f"""
    INSERT INTO workflows (id, workspace_id, name, enabled, version, created_at, updated_at)
    SELECT 'wf_' || lpad(n::text, 32, '0'), '{WORKSPACE_ID}', 'w' || n, true, 1, '{FIRST}', '{FIRST}'
    FROM generate_series(0, 99) n
    """,
    f"""
    INSERT INTO triggers (id, workspace_id, workflow_id, name, type, slug, spec, created_at)
    SELECT 'trg_' || lpad(n::text, 32, '0'), '{WORKSPACE_ID}', 'wf_' || lpad(n::text, 32, '0'), 't' || n, 'webhook',
           'slug' || n, '{SPEC}', '{FIRST}'
    FROM generate_series(0, 99) n
    """,
    f"""
    INSERT INTO requests (id, workspace_id, workflow_id, trigger_id, method, raw_url, suffix, headers, body,
                          received_at, reason)
    SELECT 'req_' || lpad(to_hex({FIRST_MS} + n * 1000), 12, '0') || lpad(n::text, 20, '0'), '{WORKSPACE_ID}',
           'wf_' || lpad((n % 99)::text, 32, '0'), 'trg_' || lpad((n % 99)::text, 32, '0'), 'POST', '/', '', '[]', '',
           timestamptz '{FIRST}' + n * interval '1 s', CASE WHEN n % 1000 = 0 THEN 'no' END
    FROM generate_series(0, {SESSIONS - 1}) n
    """,
    f"""
    INSERT INTO sessions (id, workspace_id, workflow_id, deployment_id, trigger_id, request_id, call, is_durable,
                          is_sync, status, attempt, deaths, active_seconds, wakes, stop_forced, log_length, created_at,
                          finished_at)
    SELECT 'ses_' || lpad(to_hex({FIRST_MS} + n * 1000), 12, '0') || lpad(n::text, 20, '0'), workspace_id, workflow_id,
           'dep_1', trigger_id, id, 'a.py:f', true, false,
           CASE n % 1000 WHEN 1 THEN 'waiting' WHEN 2 THEN 'failed' ELSE 'completed' END,
           1, 0, 0, 0, false, 1, received_at, CASE WHEN n % 1000 <> 1 THEN received_at END
    FROM (SELECT *, substr(id, 17)::int AS n FROM requests) r
    """,
    """
    INSERT INTO session_log (session_id, seq, at, kind, text)
    SELECT id, n, created_at, 'print', 'x' FROM sessions, generate_series(1, 2) n
    """,
]


async def add_many_rows(database: Database) -> None:
    """Write the rows, on PostgreSQL, and let it count them, as it does by itself after a while."""
    async with database.write() as tx:
        for statement in POSTGRESQL:
            await tx.execute(text(statement.replace(":", "\\:")))
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
