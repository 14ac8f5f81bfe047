"""What a script asks of the endpoints of workspaces, in the words of `app.store.hot.scripts`."""

# In one statement, so that version and endpoints belong together.
FANOUT_TABLES = """
SELECT w.id, w.endpoints_version, e.id, e.events
FROM workspaces w
LEFT JOIN endpoints e ON e.workspace_id = w.id AND e.enabled AND e.deleted_at IS NULL
WHERE w.id = ANY($1) ORDER BY w.id, e.id
"""
