"""The hot statements as plain Python over a dictionary: what both databases must agree with.

Deliveries have due times that never repeat, so the order of a claim is never a matter of taste.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.hot.contract import NewDelivery, NewEvent, Settlement, Work


@dataclass(slots=True)
class ModelDelivery:
    """A delivery as the tests compare it; `attempts` are the numbers of those recorded."""

    endpoint_id: str
    event_id: str
    due_at: datetime
    status: str = "pending"
    test: bool = False
    token: int | None = None
    leased_until: datetime | None = None
    attempt_count: int = 0
    attempts: tuple[int, ...] = ()

    def is_claimable(self, now: datetime, *, enabled: bool) -> bool:
        is_free = self.leased_until is None or self.leased_until <= now
        return self.status == "pending" and self.due_at <= now and is_free and (enabled or self.test)


class Model:
    """One workspace."""

    def __init__(self, endpoint_ids: list[str]) -> None:
        self.version = 0
        self.enabled = dict.fromkeys(endpoint_ids, True)
        self.events: set[str] = set()
        self.deliveries: dict[str, ModelDelivery] = {}

    def publish(
        self,
        events: list[NewEvent],
        deliveries: list[NewDelivery],
        *,
        token: int | None,
        leased_until: datetime | None,
        whole: bool,
    ) -> set[str]:
        written = {e.id for e in events if e.endpoints_version == self.version and e.id not in self.events}
        if whole and len(written) < len(events):
            return set()
        self.events |= written
        for new in deliveries:
            if new.event_id in written:
                self.deliveries[new.id] = ModelDelivery(
                    new.endpoint_id, new.event_id, new.created_at, token=token, leased_until=leased_until
                )
        return written

    def due_endpoints(self, now: datetime) -> set[str]:
        return {
            delivery.endpoint_id
            for delivery in self.deliveries.values()
            if delivery.is_claimable(now, enabled=self.enabled[delivery.endpoint_id])
        }

    def claim(
        self, rooms: list[tuple[str, int]], *, token: int, now: datetime, lease: timedelta
    ) -> list[tuple[str, int]]:
        """Return (delivery id, number of the attempt), the longest due first."""
        claimed: list[str] = []
        for endpoint_id, room in rooms:
            claimable = [
                (delivery.due_at, id_)
                for id_, delivery in self.deliveries.items()
                if delivery.endpoint_id == endpoint_id
                and delivery.is_claimable(now, enabled=self.enabled[endpoint_id])
            ]
            claimed += [id_ for _, id_ in sorted(claimable)[:room]]
        for id_ in claimed:
            self.deliveries[id_].token, self.deliveries[id_].leased_until = token, now + lease
        claimed.sort(key=lambda id_: self.deliveries[id_].due_at)
        return [(id_, self.deliveries[id_].attempt_count + 1) for id_ in claimed]

    def settle(self, settlements: list[Settlement]) -> int:
        held = [s for s in settlements if self.deliveries[s.delivery_id].token == s.token]
        for s in held:
            delivery = self.deliveries[s.delivery_id]
            delivery.token = delivery.leased_until = None
            delivery.attempt_count = s.number
            delivery.attempts += (s.number,)
            if delivery.status == "pending":
                delivery.status, delivery.due_at = s.status, s.due_at
        return len(held)

    def renew(self, works: list[Work], *, leased_until: datetime) -> set[str]:
        for work in works:
            if self.deliveries[work.delivery_id].token == work.token:
                self.deliveries[work.delivery_id].leased_until = leased_until
        return {
            work.delivery_id
            for work in works
            if self.deliveries[work.delivery_id].token != work.token
            or self.deliveries[work.delivery_id].status != "pending"
        }

    def release(self, works: list[Work]) -> None:
        for work in works:
            delivery = self.deliveries[work.delivery_id]
            if delivery.token == work.token:
                delivery.token = delivery.leased_until = None

    def void_leases(self) -> None:
        for delivery in self.deliveries.values():
            if delivery.status == "pending":
                delivery.token = delivery.leased_until = None
