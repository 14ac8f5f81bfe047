"""The hot statements on SQLite, each with its purpose: rows in and out as JSON, which takes one step each."""

VERSIONS = """
SELECT json_group_object(id, endpoints_version) FROM workspaces WHERE id IN (SELECT value FROM json_each(?))
"""

KNOWN_EVENTS = """
SELECT json_group_array(json_array(e.workspace_id, e.id)) FROM json_each(?) i CROSS JOIN events e
WHERE e.workspace_id = json_extract(i.value, '$[0]') AND e.id = json_extract(i.value, '$[1]')
"""

INSERT_EVENTS = "INSERT INTO events (workspace_id, id, type, body, hops, created_at) VALUES "

INSERT_DELIVERIES = """
INSERT INTO deliveries (workspace_id, id, event_id, event_type, endpoint_id, status, attempt_count, single_try,
                        test, due_at, created_at, leased_until, lease_token, claimed_at)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), 'pending', 0, 0,
       0, json_extract(value, '$[5]'), json_extract(value, '$[5]'), :until, :token,
       CASE WHEN :token IS NOT NULL THEN json_extract(value, '$[5]') END
FROM json_each(:rows)
"""

# Hops from endpoint to endpoint through the index of pending rows instead of reading all of them. A disabled endpoint
# may hold very many, so its tests are looked for in their own index.
# The order is that of the hops: sorting would mean to look at all endpoints first.
DUE_ENDPOINTS = """
WITH RECURSIVE hop (endpoint_id) AS (
    SELECT min(endpoint_id) FROM deliveries WHERE status = 'pending' AND endpoint_id > :after
    UNION ALL
    SELECT (SELECT min(d.endpoint_id) FROM deliveries d
            WHERE d.status = 'pending' AND d.endpoint_id > hop.endpoint_id)
    FROM hop WHERE hop.endpoint_id IS NOT NULL
)
SELECT e.id FROM hop CROSS JOIN endpoints e ON e.id = hop.endpoint_id
WHERE ((e.enabled OR e.deleted_at IS NOT NULL)
       AND EXISTS (SELECT 1 FROM deliveries d WHERE d.endpoint_id = e.id AND d.status = 'pending' AND d.due_at <= :now
                   AND (d.leased_until IS NULL OR d.leased_until <= :now)))
   OR EXISTS (SELECT 1 FROM deliveries t INDEXED BY ix_deliveries_test
              WHERE t.endpoint_id = e.id AND t.status = 'pending' AND t.test AND t.due_at <= :now
              AND (t.leased_until IS NULL OR t.leased_until <= :now))
LIMIT :limit
"""

# The longest due rows of one endpoint.
CLAIMABLE = """
SELECT json_group_array(row) FROM (
    SELECT d.rowid AS row FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id
    WHERE d.endpoint_id = :endpoint AND d.status = 'pending' AND d.due_at <= :now
      AND (d.leased_until IS NULL OR d.leased_until <= :now)
      AND (e.enabled OR e.deleted_at IS NOT NULL OR d.test)
    ORDER BY d.due_at LIMIT :room
)
"""

CLAIM = """
UPDATE deliveries SET lease_token = :token, leased_until = :until, claimed_at = coalesce(claimed_at, :now)
WHERE rowid IN (SELECT value FROM json_each(:rows))
"""

# By their rows and not by their token: no index leads to that, and an endpoint may have a million pending.
CLAIMED = """
SELECT json_group_array(json_array(workspace_id, id, event_id, event_type, endpoint_id, body, number, single_try, test,
                                   hops))
FROM (
    SELECT d.workspace_id, d.id, d.event_id, d.event_type, d.endpoint_id, CAST(e.body AS TEXT) AS body,
           d.attempt_count + 1 AS number, d.single_try, d.test, e.hops
    FROM json_each(:rows) i CROSS JOIN deliveries d ON d.rowid = i.value
    JOIN events e ON e.workspace_id = d.workspace_id AND e.id = d.event_id
    ORDER BY d.due_at, d.id
)
"""

# Positions of those of (workspace id, delivery id, token) whose lease still holds.
HELD = """
SELECT json_group_array(i.key) FROM json_each(?) i CROSS JOIN deliveries d
WHERE d.workspace_id = json_extract(i.value, '$[0]') AND d.id = json_extract(i.value, '$[1]')
  AND d.lease_token = json_extract(i.value, '$[2]')
"""

# Ids of those of (workspace id, delivery id, token) that are lost to the caller, or have ended.
LOST = """
SELECT json_group_array(json_extract(i.value, '$[1]')) FROM json_each(?) i LEFT JOIN deliveries d
ON d.workspace_id = json_extract(i.value, '$[0]') AND d.id = json_extract(i.value, '$[1]')
WHERE d.lease_token IS NOT json_extract(i.value, '$[2]') OR d.status <> 'pending'
"""

SETTLE = """
UPDATE deliveries
SET attempt_count = i.number, leased_until = NULL, lease_token = NULL,
    first_attempt_at = coalesce(first_attempt_at, i.started_at),
    status = iif(deliveries.status = 'pending', i.status, deliveries.status),
    reason = iif(deliveries.status = 'pending', i.reason, deliveries.reason),
    due_at = iif(deliveries.status = 'pending', i.due_at, deliveries.due_at),
    finished_at = iif(deliveries.status = 'pending', i.finished_at, deliveries.finished_at)
FROM (
    SELECT json_extract(value, '$[0]') AS workspace_id, json_extract(value, '$[1]') AS id,
           json_extract(value, '$[2]') AS token, json_extract(value, '$[3]') AS number,
           json_extract(value, '$[4]') AS status, json_extract(value, '$[5]') AS reason,
           json_extract(value, '$[6]') AS due_at, json_extract(value, '$[7]') AS finished_at,
           json_extract(value, '$[8]') AS started_at
    FROM json_each(?)
) i
WHERE deliveries.workspace_id = i.workspace_id AND deliveries.id = i.id AND deliveries.lease_token = i.token
"""

INSERT_ATTEMPTS = """
INSERT INTO attempts (delivery_id, number, workspace_id, started_at, result, error, status_code, connect_ms,
                      tls_ms, first_byte_ms, duration_ms, peer, key_id, request_headers,
                      response_headers, response_body, response_truncated) VALUES """

SET_LEASES = """
UPDATE deliveries SET leased_until = :until, lease_token = iif(:until IS NULL, NULL, lease_token)
FROM (SELECT json_extract(value, '$[0]') AS workspace_id, json_extract(value, '$[1]') AS id,
             json_extract(value, '$[2]') AS token FROM json_each(:rows)) i
WHERE deliveries.workspace_id = i.workspace_id AND deliveries.id = i.id AND deliveries.lease_token = i.token
"""

VOID_LEASES = """
UPDATE deliveries SET leased_until = NULL, lease_token = NULL WHERE status = 'pending' AND lease_token IS NOT NULL
"""
