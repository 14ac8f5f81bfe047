"""What the database says that the world was told of sessions."""

import json
from collections import Counter, defaultdict

from tests.faults.records import read

SESSIONS = "SELECT id, status FROM sessions WHERE started_at IS NOT NULL"
TOLD = """
SELECT type, body FROM events WHERE type IN ('workflow.executed', 'workflow.completed', 'workflow.failed')
"""
END = {"completed": "workflow.completed", "failed": "workflow.failed", "stopped": "workflow.failed"}


def told_wrongly(database_url: str) -> list[str]:
    """Return, a line each, the sessions that are not told of exactly once at their beginning and at their end."""
    sessions, events = read(database_url, [SESSIONS, TOLD])
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for event_type, body in events:
        told[json.loads(body)["data"]["execution"]["id"]][event_type] += 1
    due = {
        id_: Counter({"workflow.executed": 1, **({END[status]: 1} if status in END else {})})
        for id_, status in sessions
    }
    return [
        f"{id_}: {dict(told[id_])} instead of {dict(due.get(id_, Counter()))}"
        for id_ in {*told, *due}
        if told[id_] != due.get(id_, Counter())
    ]
