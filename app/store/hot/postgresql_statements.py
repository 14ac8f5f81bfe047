"""The hot statements on PostgreSQL, each with its purpose: arrays in, one statement and one round trip.

Each runs by itself, so its commit needs no BEGIN and COMMIT of its own. Arrays go through `unnest`, which keeps
the text of a statement, and so its prepared plan, the same for any number of rows.
"""

# Writes events, and their deliveries, for workspaces whose endpoints have not changed since the fan-out. Publishers
# that have ids in common wait for each other, so all of them write in the same order: else they could wait in a ring.
PUBLISH = """
WITH input AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[], $6::bigint[], $15::int[])
        AS i (workspace_id, id, type, body, created_at, version, hops)
), written AS (
    INSERT INTO events (workspace_id, id, type, body, hops, created_at)
    SELECT i.workspace_id, i.id, i.type, i.body, i.hops, i.created_at
    FROM input i JOIN workspaces w ON w.id = i.workspace_id AND w.endpoints_version = i.version
    ORDER BY i.workspace_id, i.id
    ON CONFLICT DO NOTHING
    RETURNING workspace_id, id
), born AS (
    INSERT INTO deliveries (workspace_id, id, event_id, event_type, endpoint_id, status, attempt_count, single_try,
                            test, due_at, created_at, leased_until, lease_token, claimed_at)
    SELECT d.workspace_id, d.id, d.event_id, d.event_type, d.endpoint_id, 'pending', 0, false,
           false, d.created_at, d.created_at, $13::timestamptz, $14::bigint,
           CASE WHEN $14::bigint IS NOT NULL THEN d.created_at END
    FROM unnest($7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[])
        AS d (workspace_id, id, event_id, event_type, endpoint_id, created_at)
    JOIN written w ON w.workspace_id = d.workspace_id AND w.id = d.event_id
)
SELECT workspace_id, id FROM written
"""

# Hops from endpoint to endpoint through the index of pending rows instead of reading all of them. A disabled endpoint
# may hold very many, so its tests are looked for in their own index; IS TRUE keeps the other index out of the question.
# LIMIT instead of EXISTS, which the planner may answer for all endpoints at once by reading everything that is pending.
# The order is that of the hops: sorting would mean to look at all endpoints first.
DUE_ENDPOINTS = """
WITH RECURSIVE hop AS (
    (SELECT endpoint_id FROM deliveries WHERE status = 'pending' AND endpoint_id > $3 ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM deliveries d
            WHERE d.status = 'pending' AND d.endpoint_id > hop.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
    FROM hop WHERE hop.endpoint_id IS NOT NULL
)
SELECT due.id FROM hop CROSS JOIN LATERAL (
    SELECT e.id FROM endpoints e
    WHERE e.id = hop.endpoint_id AND (
        ((e.enabled OR e.deleted_at IS NOT NULL)
         AND (SELECT true FROM deliveries d WHERE d.endpoint_id = e.id AND d.status = 'pending' AND d.due_at <= $1
              AND (d.leased_until IS NULL OR d.leased_until <= $1) LIMIT 1))
        OR (SELECT true FROM deliveries t WHERE t.endpoint_id = e.id AND t.status = 'pending' AND t.test
            AND (t.due_at <= $1) IS TRUE AND (t.leased_until IS NULL OR t.leased_until <= $1) LIMIT 1)
    ) LIMIT 1
) due
LIMIT $2
"""

# Leases the longest due rows of each endpoint asked for, passing by what others are just claiming.
CLAIM = """
WITH chosen AS (
    SELECT d.workspace_id, d.id
    FROM unnest($1::text[], $2::int[]) AS asked (endpoint_id, room)
    JOIN endpoints e ON e.id = asked.endpoint_id
    CROSS JOIN LATERAL (
        SELECT workspace_id, id FROM deliveries
        WHERE endpoint_id = asked.endpoint_id AND status = 'pending' AND due_at <= $4
          AND (leased_until IS NULL OR leased_until <= $4) AND (e.enabled OR e.deleted_at IS NOT NULL OR test)
        ORDER BY due_at LIMIT asked.room FOR UPDATE SKIP LOCKED
    ) d
), claimed AS (
    UPDATE deliveries d SET lease_token = $3, leased_until = $5, claimed_at = coalesce(d.claimed_at, $4)
    FROM chosen c WHERE d.workspace_id = c.workspace_id AND d.id = c.id
    RETURNING d.*
)
SELECT c.workspace_id, c.id, c.event_id, c.event_type, c.endpoint_id, ev.body, c.attempt_count + 1,
       c.single_try, c.test, ev.hops
FROM claimed c JOIN events ev ON ev.workspace_id = c.workspace_id AND ev.id = c.event_id
ORDER BY c.due_at, c.id
"""

# Moves deliveries on where the token still holds, and records their attempts.
SETTLE = """
WITH input AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::timestamptz[],
                         $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::int[], $13::float8[],
                         $14::float8[], $15::float8[], $16::float8[], $17::text[], $18::text[], $19::bytea[],
                         $20::bytea[], $21::bytea[], $22::bool[])
        AS i (workspace_id, delivery_id, token, number, status, reason, due_at,
              finished_at, started_at, result, error, status_code, connect_ms,
              tls_ms, first_byte_ms, duration_ms, peer, key_id, request_headers,
              response_headers, response_body, response_truncated)
), moved AS (
    UPDATE deliveries d
    SET attempt_count = i.number, leased_until = NULL, lease_token = NULL,
        first_attempt_at = coalesce(d.first_attempt_at, i.started_at),
        status = CASE WHEN d.status = 'pending' THEN i.status ELSE d.status END,
        reason = CASE WHEN d.status = 'pending' THEN i.reason ELSE d.reason END,
        due_at = CASE WHEN d.status = 'pending' THEN i.due_at ELSE d.due_at END,
        finished_at = CASE WHEN d.status = 'pending' THEN i.finished_at ELSE d.finished_at END
    FROM input i WHERE d.workspace_id = i.workspace_id AND d.id = i.delivery_id AND d.lease_token = i.token
    RETURNING i.*
), recorded AS (
    INSERT INTO attempts (delivery_id, number, workspace_id, started_at, result, error, status_code, connect_ms,
                          tls_ms, first_byte_ms, duration_ms, peer, key_id, request_headers,
                          response_headers, response_body, response_truncated)
    SELECT delivery_id, number, workspace_id, started_at, result, error, status_code, connect_ms,
           tls_ms, first_byte_ms, duration_ms, peer, key_id, request_headers,
           response_headers, response_body, response_truncated
    FROM moved
)
SELECT count(*) FROM moved
"""

# Extends leases that are still the caller's, and tells which deliveries are lost to it. A row that somebody changes
# at this moment is passed by and keeps its lease for now: to wait for it could be to wait in a ring.
RENEW = """
WITH input AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS i (workspace_id, id, token)
), free AS (
    SELECT d.workspace_id, d.id
    FROM input i JOIN deliveries d ON d.workspace_id = i.workspace_id AND d.id = i.id AND d.lease_token = i.token
    FOR UPDATE OF d SKIP LOCKED
), renewed AS (
    UPDATE deliveries d SET leased_until = $4 FROM free f WHERE d.workspace_id = f.workspace_id AND d.id = f.id
)
SELECT i.id FROM input i LEFT JOIN deliveries d ON d.workspace_id = i.workspace_id AND d.id = i.id
WHERE d.lease_token IS DISTINCT FROM i.token OR d.status <> 'pending'
"""

# Gives leases back.
RELEASE = """
UPDATE deliveries d SET leased_until = NULL, lease_token = NULL
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS i (workspace_id, id, token)
WHERE d.workspace_id = i.workspace_id AND d.id = i.id AND d.lease_token = i.token
"""

VOID_LEASES = "UPDATE deliveries SET leased_until = NULL, lease_token = NULL WHERE status = 'pending'"
