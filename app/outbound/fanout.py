"""Who gets an event, answered from memory.

The table of a workspace is read once and used until somebody finds it stale: each publish commits only if
`workspaces.endpoints_version` is still the version that the fan-out used (see `app.store.hot.contract`), so
a table can never be older than a change that was answered, in this process or another.
"""

import asyncio
from dataclasses import dataclass, field

from sqlalchemy import select

from app.rules.event_types import Subscription
from app.store.database import Database
from app.store.models import Endpoint, Workspace

# Workspaces whose tables stay in memory; the one that was read longest ago goes first.
MOST_TABLES = 10_000

# Event types whose receivers a table remembers; callers choose the names, so there must be a bound.
MOST_TYPES = 1_000


@dataclass(slots=True)
class FanoutTable:
    """The enabled endpoints of a workspace at one version."""

    version: int
    subscriptions: list[tuple[str, Subscription]]
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def receivers(self, event_type: str) -> tuple[str, ...]:
        """Return the ids of the endpoints that subscribe to a type."""
        found = self._known.get(event_type)
        if found is None:
            if len(self._known) >= MOST_TYPES:
                self._known.clear()
            found = tuple(id_ for id_, subscription in self.subscriptions if subscription.matches(event_type))
            self._known[event_type] = found
        return found


class Fanout:
    """The tables of the workspaces that publish through this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables: dict[str, FanoutTable] = {}
        self._renewals: dict[str, asyncio.Task[FanoutTable]] = {}

    def known(self, workspace_id: str) -> FanoutTable | None:
        """Return the table in memory, if there is one."""
        return self._tables.get(workspace_id)

    async def renew(self, workspace_id: str, *, unlike: int) -> FanoutTable:
        """Return a table of another version than `unlike`, if there is one by now; read once for all who ask.

        Raises:
            Unavailable: the database is away.
        """
        table = self._tables.get(workspace_id)
        if table is not None and table.version != unlike:
            return table
        renewal = self._renewals.get(workspace_id)
        if renewal is None:
            renewal = asyncio.get_running_loop().create_task(self.read(workspace_id))
            self._renewals[workspace_id] = renewal
            renewal.add_done_callback(lambda _: self._renewals.pop(workspace_id))
        # Whoever asked first may give up, and the others still wait.
        return await asyncio.shield(renewal)

    async def read(self, workspace_id: str) -> FanoutTable:
        """Read the table of a workspace from the database and remember it.

        Raises:
            Unavailable: the database is away.
        """
        async with self._database.read() as tx:
            # One statement, so that version and endpoints belong together.
            rows = await tx.execute(
                select(Workspace.endpoints_version, Endpoint.id, Endpoint.events)
                .outerjoin(
                    Endpoint,
                    (Endpoint.workspace_id == Workspace.id)
                    & Endpoint.enabled
                    & Endpoint.deleted_at.is_(None),
                )
                .where(Workspace.id == workspace_id)
                .order_by(Endpoint.id)
            )
            found = rows.all()
        table = FanoutTable(
            version=found[0][0],
            subscriptions=[(row[1], Subscription.of(row[2])) for row in found if row[1] is not None],
        )
        self.learn(workspace_id, table)
        return table

    def learn(self, workspace_id: str, table: FanoutTable) -> None:
        """Remember a table that was just read."""
        self._tables.pop(workspace_id, None)
        self._tables[workspace_id] = table
        if len(self._tables) > MOST_TABLES:
            del self._tables[next(iter(self._tables))]
