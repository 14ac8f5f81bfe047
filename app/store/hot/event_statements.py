"""The statements that publish events in a script's transaction, in the words of `app.store.hot.scripts`."""

ENDPOINTS_VERSIONS = "SELECT id, endpoints_version FROM workspaces WHERE id = ANY($1)"

# In one statement, so that version and endpoints belong together.
FANOUT_TABLES = """
SELECT w.id, w.endpoints_version, e.id, e.events
FROM workspaces w
LEFT JOIN endpoints e ON e.workspace_id = w.id AND e.enabled AND e.deleted_at IS NULL
WHERE w.id = ANY($1) ORDER BY w.id, e.id
"""

INSERT_EVENT = """
INSERT INTO events (workspace_id, id, type, body, hops, created_at) VALUES ($1, $2, $3, $4, $5, $6)
"""

INSERT_DELIVERY = """
INSERT INTO deliveries (workspace_id, id, event_id, event_type, endpoint_id, status, attempt_count, single_try, test,
                        due_at, created_at, leased_until, lease_token, claimed_at)
VALUES ($1, $2, $3, $4, $5, 'pending', 0, FALSE, FALSE, $6, $6, $7, $8, $9)
"""
