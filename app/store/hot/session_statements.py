"""The statements of the inbound engine where throughput hangs on them, in the words of `app.store.hot.scripts`."""

LIVE_VERSIONS = "SELECT id, version FROM workflows WHERE id = ANY($1) AND enabled AND deleted_at IS NULL"

INSERT_REQUEST = """
INSERT INTO requests (id, workspace_id, workflow_id, trigger_id, method, raw_url, suffix, headers, body, received_at,
                      peer, reason, session_id, redispatch_of, dedupe_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""

# Of requests with the same key the first one counts for a day (see `app.inbound.duplicates`).
FORGET_KEY = (
    "UPDATE requests SET dedupe_key = NULL WHERE trigger_id = $1 AND dedupe_key = $2 AND received_at <= $3"
)

INSERT_KEYED_REQUEST = f"""{INSERT_REQUEST}
ON CONFLICT (trigger_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING RETURNING id
"""

INSERT_SESSION = """
INSERT INTO sessions (id, workspace_id, workflow_id, deployment_id, trigger_id, request_id, parent_id, call, input,
                      memo, is_durable, is_sync, status, attempt, deaths, active_seconds, due_at, leased_until,
                      lease_token, wakes, stop_forced, log_length, created_at, started_at, hops)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0, $15, $16, $17, 0, FALSE, 0, $15, $18, $19)
"""

SUBSCRIPTIONS = (
    "SELECT id, session_id, trigger_id, filter FROM subscriptions WHERE trigger_id = ANY($1) ORDER BY id"
)

INSERT_ARRIVAL = "INSERT INTO arrivals (subscription_id, request_id) VALUES ($1, $2)"

# A session that runs, or waits in its process, finds what came by looking; a parked one becomes due.
WAKE = """
UPDATE sessions
SET wakes = wakes + 1, due_at = CASE WHEN leased_until IS NULL AND status = 'waiting' THEN $2 ELSE due_at END
WHERE id = $1 AND finished_at IS NULL
"""

# `stopping_at` as it is: SQLite 3.40 answered `IS NOT NULL` with true here, for columns that were NULL.
CLAIM = """
UPDATE sessions
SET status = 'running', leased_until = $2, lease_token = $3, attempt = attempt + 1,
    started_at = COALESCE(started_at, $1)
WHERE id IN (
    SELECT id FROM sessions
    WHERE finished_at IS NULL AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
    ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
)
RETURNING id, workspace_id, workflow_id, deployment_id, trigger_id, request_id, parent_id, hops, call, input,
          is_durable, is_sync, attempt, deaths, active_seconds, wakes, wait, stop_reason, stop_forced, stopping_at,
          log_length, created_at, started_at, custom_data,
          (SELECT name FROM workflows WHERE workflows.id = sessions.workflow_id),
          (SELECT name FROM triggers WHERE triggers.id = sessions.trigger_id),
          (SELECT version FROM workflows WHERE workflows.id = sessions.workflow_id)
"""

REQUESTS = """
SELECT id, workspace_id, workflow_id, trigger_id, method, raw_url, suffix, headers, body, received_at, peer, reason,
       session_id
FROM requests WHERE id = ANY($1)
"""

# In the order of their ids, so that no two transactions wait for each other.
LEASES = """
SELECT id, lease_token, wakes, stopping_at, stop_forced, stop_reason FROM sessions
WHERE id = ANY($1) AND finished_at IS NULL ORDER BY id FOR UPDATE
"""

RENEW = "UPDATE sessions SET leased_until = $3 WHERE id = $1 AND lease_token = $2 AND finished_at IS NULL"

VOID_LEASES = """
UPDATE sessions SET leased_until = NULL, lease_token = NULL WHERE finished_at IS NULL AND leased_until IS NOT NULL
"""

# A writing comes twice when the database was lost between a commit and its answer. Under one lease what has the
# same number is the same, so the second time changes nothing.
INSERT_LOG = """
INSERT INTO session_log (session_id, seq, at, kind, text, data) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (session_id, seq) DO NOTHING
"""

SET_LOG_LENGTH = "UPDATE sessions SET log_length = $2 WHERE id = $1"

INSERT_RECORD = """
INSERT INTO journal (session_id, seq, kind, name, result) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (session_id, seq) DO NOTHING
"""

SET_STEP = """
INSERT INTO steps (session_id, number, name, status, started_at, duration_ms, error)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (session_id, number) DO UPDATE
SET name = excluded.name, status = excluded.status, started_at = excluded.started_at,
    duration_ms = excluded.duration_ms, error = excluded.error
"""

# Nothing comes back of one that was not the first. The same one that comes again changes nothing and does come back.
INSERT_OUTCOME = """
INSERT INTO outcomes (request_id, workspace_id, session_id, status_code, headers, body, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (request_id) DO UPDATE SET created_at = excluded.created_at
WHERE outcomes.session_id = excluded.session_id AND outcomes.created_at = excluded.created_at
RETURNING request_id
"""

INSERT_SIGNAL = """
INSERT INTO signals (id, workspace_id, session_id, name, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING
"""

# With the lease goes the token, or who renews a moment later would take a parked session out of everybody's sight.
CHANGE_SESSION = """
UPDATE sessions
SET status = $2, due_at = $3, leased_until = CASE WHEN $4::boolean THEN leased_until END,
    lease_token = CASE WHEN $4::boolean THEN lease_token END, active_seconds = $5, deaths = $6, wait = $7,
    error = $8, outcome = COALESCE($9, outcome), result = $10, custom_data = $11, finished_at = $12,
    log_length = COALESCE($13, log_length)
WHERE id = $1
"""

KEEP_SHOWN = """
UPDATE sessions SET outcome = COALESCE($2, outcome), custom_data = COALESCE($3, custom_data) WHERE id = $1
"""

FORGET_ARRIVALS = """
DELETE FROM arrivals WHERE subscription_id IN (SELECT id FROM subscriptions WHERE session_id = $1)
"""

FORGET_SUBSCRIPTIONS = "DELETE FROM subscriptions WHERE session_id = $1"

FORGET_SIGNALS = "DELETE FROM signals WHERE session_id = $1"

FORGET_RECORDS = "DELETE FROM journal WHERE session_id = $1"

LOCK_WAIT = "SELECT lease_token, wakes, wait FROM sessions WHERE id = $1 AND finished_at IS NULL FOR UPDATE"

SET_WAIT = "UPDATE sessions SET status = $2, wait = $3 WHERE id = $1"

# Of each of the session's own subscriptions among those that are waited for, the request that came first.
OLDEST_ARRIVALS = """
SELECT s.id, (SELECT MIN(a.request_id) FROM arrivals a WHERE a.subscription_id = s.id)
FROM subscriptions s WHERE s.id = ANY($1) AND s.session_id = $2
"""

DELETE_ARRIVAL = "DELETE FROM arrivals WHERE subscription_id = $1 AND request_id = $2"

OLDEST_SIGNAL = """
SELECT id, name, payload FROM signals WHERE session_id = $1 AND name = ANY($2) ORDER BY id LIMIT 1
"""

DELETE_SIGNAL = "DELETE FROM signals WHERE id = $1"
