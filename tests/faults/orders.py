"""The program `orders` on a service: sending it orders, and comparing what it did with what it should have done.

What the database and the files of the sessions say is read past the service. An order is one durable session that
comes to every kind of record; where it is cut is in what it is sent (see `programs/orders/cuts.py`).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.archives import pack_folder
from tests.faults.records import read
from tests.services import Service

PROGRAM = Path(__file__).parent / "programs" / "orders"

# In the order in which a session comes to them.
PLACES = (
    "start",
    "print",
    "readings",
    "in step",
    "step that fails",
    "add",
    "set",
    "custom data",
    "subscribe",
    "activity",
    "next event",
    "sleep",
    "start of a child",
    "signal",
    "end of the child",
    "emit",
    "answer",
    "second answer",
    "end",
)
HOWS = ("before", "during")

SESSIONS = """
SELECT s.id, s.parent_id, s.call, s.status, s.error, s.result, s.custom_data, s.outcome, s.finished_at IS NULL, r.body,
       s.input, s.attempt
FROM sessions s LEFT JOIN requests r ON r.id = s.request_id ORDER BY s.id
"""
LOG = "SELECT session_id, kind, text FROM session_log ORDER BY session_id, seq"
STEPS = "SELECT session_id, name, status FROM steps ORDER BY session_id, number"
OUTCOMES = "SELECT session_id, status_code, body FROM outcomes"
VALUES = "SELECT key, value FROM stored_values"
EVENTS = "SELECT body FROM events WHERE type = 'order.shipped'"
UNFINISHED = "SELECT COUNT(*) FROM sessions WHERE finished_at IS NULL"
PARKED = "SELECT COUNT(*) FROM sessions WHERE status = 'waiting' AND leased_until IS NULL"
RECORDED = """
SELECT j.name, r.body, s.input FROM journal j JOIN sessions s ON s.id = j.session_id
LEFT JOIN requests r ON r.id = s.request_id WHERE j.kind = 'step'
"""
LEFT_BEHIND = (
    "SELECT COUNT(*) FROM journal",
    "SELECT COUNT(*) FROM signals",
    "SELECT COUNT(*) FROM subscriptions",
    "SELECT COUNT(*) FROM arrivals",
)


@dataclass(frozen=True, slots=True)
class SessionFound:
    """A session with all that it left, as the database has it."""

    id: str
    parent_id: str | None
    call: str
    status: str
    error: str | None
    result: Any
    custom_data: Any
    outcome: Any
    is_unfinished: bool
    order: dict[str, Any]
    attempt: int
    prints: list[str]
    ends: list[str]
    steps: list[tuple[str, str]]
    answers: list[tuple[int, Any]]


class Orders:
    """The deployed program and what has been sent to it; `folder` is where its sessions leave their files."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.database_url = service.environment["AETHERFLOW_DATABASE_URL"]
        answer = service.api.post(
            "/workflows/deploy", content=pack_folder(PROGRAM), headers={"Content-Type": "application/gzip"}
        )
        assert answer.status_code == 201, answer.text
        self.paths = {one["name"]: f"/webhooks/{one['slug']}" for one in answer.json()["triggers"]}
        folder.mkdir(exist_ok=True)

    def order(self, id_: str, **more: Any) -> dict[str, Any]:
        """Return the body of a request."""
        return {"id": id_, "folder": str(self.folder), **more}

    def cuts(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield an order for each place and each way to be cut there."""
        for place in PLACES:
            for how in HOWS:
                yield self.order(f"{prefix}-{place.replace(' ', '-')}-{how}", place=place, how=how)

    def send(self, trigger: str, order: dict[str, Any]) -> str:
        """Send an order that nobody waits for, and return the id of its session."""
        answer = self.service.http.post(self.paths[trigger], json=order)
        assert answer.status_code == 202, answer.text
        return answer.headers["aetherflow-session-id"]

    def have_arrived(self, ids: Iterable[str]) -> bool:
        """Whether all these sessions are where they are to be cut."""
        return all((self.folder / f"{id_}.arrived").exists() for id_ in ids)

    def go(self) -> None:
        """Let those go on that wait for it."""
        (self.folder / "go").touch()

    def lines(self, id_: str) -> Counter[str]:
        """Return how often an order did what it does outside, by the first word."""
        file = self.folder / f"{id_}.lines"
        return (
            Counter(line.split()[0] for line in file.read_text().splitlines()) if file.exists() else Counter()
        )

    def count_unfinished(self) -> int:
        """Return how many sessions have not ended."""
        [[(count,)]] = read(self.database_url, [UNFINISHED])
        return int(count)

    def count_parked(self) -> int:
        """Return how many sessions wait as rows."""
        [[(count,)]] = read(self.database_url, [PARKED])
        return int(count)

    def values(self) -> dict[str, Any]:
        """Return the key-value store."""
        [rows] = read(self.database_url, [VALUES])
        return {key: json.loads(value) for key, value in rows}

    def count_left_behind(self) -> int:
        """Return how many rows there are that nobody needs once all sessions have ended."""
        return sum(rows[0][0] for rows in read(self.database_url, LEFT_BEHIND))

    def count_events(self) -> Counter[str]:
        """Return how many events were published for each order."""
        [rows] = read(self.database_url, [EVENTS])
        return Counter(json.loads(body)["data"]["order"]["id"] for (body,) in rows)

    def sessions(self) -> list[SessionFound]:
        """Return every session with what it left."""
        found, log, steps, outcomes = read(self.database_url, [SESSIONS, LOG, STEPS, OUTCOMES])
        said: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for session_id, kind, text in log:
            said[session_id][kind].append(text)
        steps_of: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for session_id, name, status in steps:
            steps_of[session_id].append((name, status))
        answers: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        for session_id, status_code, body in outcomes:
            answers[session_id].append((status_code, json.loads(body)))
        return [
            SessionFound(
                id=row[0],
                parent_id=row[1],
                call=row[2],
                status=row[3],
                error=row[4],
                result=parse(row[5]),
                custom_data=parse(row[6]),
                outcome=parse(row[7]),
                is_unfinished=bool(row[8]),
                order=order_of(row[9], row[10]),
                attempt=row[11],
                prints=said[row[0]]["print"],
                ends=[text for text in said[row[0]]["state"] if text in ("completed", "failed", "stopped")],
                steps=steps_of[row[0]],
                answers=answers[row[0]],
            )
            for row in found
        ]

    def recorded(self) -> dict[str, Counter[str]]:
        """Return for each order how often it had done outside what is recorded by now."""
        [rows] = read(self.database_url, [RECORDED])
        names = defaultdict(set)
        for name, body, given in rows:
            names[order_of(body, given)["id"]].add(name)
        return {
            id_: Counter({what: count for what, count in self.lines(id_).items() if what in names[id_]})
            for id_ in names
        }

    def mistakes(self, orders: Iterable[dict[str, Any]], recorded: Mapping[str, Counter[str]]) -> list[str]:
        """Return, a line each, where the sessions of these orders differ from an undisturbed run.

        `recorded` is what had been recorded when they were disturbed.
        """
        by_id: dict[str, list[SessionFound]] = defaultdict(list)
        for session in self.sessions():
            by_id[session.order.get("id", "")].append(session)
        values, events = self.values(), self.count_events()
        found = []
        for order in orders:
            id_ = order["id"]
            found += [f"{id_}: {text}" for text in self._mistakes_of(order, by_id[id_])]
            found += [
                f"{id_}: {text}" for text in self._mistakes_outside(order, recorded.get(id_, Counter()))
            ]
            if events[id_] != 1:
                found.append(f"{id_}: {events[id_]} events")
        counted = sum(one.call == "program.py:order" for sessions in by_id.values() for one in sessions)
        if values.get("orders") != counted:
            found.append(f"{values.get('orders')} were counted of {counted} orders")
        return found

    def _mistakes_of(self, order: dict[str, Any], sessions: list[SessionFound]) -> Iterator[str]:
        parents = [one for one in sessions if one.parent_id is None]
        children = [one for one in sessions if one.parent_id is not None]
        if len(parents) != 1 or len(children) != 1:
            yield f"{len(parents)} sessions with {len(children)} children"
            return
        [parent], [child] = parents, children
        for session in (parent, child):
            if session.status != "completed" or session.ends != ["completed"] or session.error:
                yield f"{session.call} {session.status}, ends {session.ends}, error {session.error}"
                return
        number = parent.result["number"]
        expected: dict[str, tuple[Any, Any]] = {
            "prints": (without_loading(parent.prints), prints_of(order["id"], number)),
            "prints of the child": (without_loading(child.prints), [f"ship {order['id']}"]),
            "answer": (parent.answers, [(201, {"id": order["id"], "number": number})]),
            "custom data": (parent.custom_data, {"number": number}),
            "outcome": ((parent.outcome or {}).get("status_code"), 201),
            "recorded readings": (parent.result["reserved"], number),
            "result of the child": (parent.result["child"], {"shipped": order["id"]}),
            "steps": (
                parent.steps,
                [("reserve", "completed"), ("refuse", "failed")],
            ),
        }
        for what, (have, want) in expected.items():
            if have != want:
                yield f"{what}: {have} instead of {want}"

    def _mistakes_outside(self, order: dict[str, Any], recorded: Counter[str]) -> Iterator[str]:
        """See to what was done outside: what was recorded is not done again, what was cut off once more."""
        lines = self.lines(order["id"])
        for what in ("reserve", "refuse", "ship"):
            most = recorded[what] or 2
            if not 1 <= lines[what] <= most:
                yield f"{what} was done {lines[what]} times, and may be {most} times"


def prints_of(id_: str, number: str) -> list[str]:
    """Return what an order says when nothing disturbs it."""
    return [
        f"begin {id_}",
        "reserving",
        f"reserved {number}",
        "refused: out of stock",
        f"paid {id_}",
        f"shipped {id_}",
        "answered",
        "end",
    ]


def without_loading(prints: list[str]) -> list[str]:
    """Leave out what the program says when it is loaded, which only the first session in a process does."""
    return [line for line in prints if line != "the program is loaded"]


def order_of(body: Any, given: Any) -> dict[str, Any]:
    """Return what a session was started with: the body of its request, or what its parent gave it."""
    return parse(body) or (parse(given) or {}).get("data") or {}


def parse(text: Any) -> Any:
    """Return what JSON says, or None."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
