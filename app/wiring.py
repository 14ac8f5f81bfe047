"""The parts that a process is put together from, as one value that is handed on."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from uuid_utils import uuid7

from app.outside import Outside
from app.queue import Queue
from app.rules.addresses import EgressPolicy
from app.settings import Settings
from app.store.database import Database
from app.store.sealing import Keyring
from app.telemetry import Metrics


def read_clock() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Chance:
    """Where randomness comes from."""

    take_bytes: Callable[[int], bytes] = os.urandom
    take_fraction: Callable[[], float] = random.random

    def uuid7(self) -> str:
        """Return a new UUIDv7 as 32 hex digits."""
        return uuid7().hex

    def token(self) -> int:
        """Return a lease token: 63 random bits, never zero."""
        return int.from_bytes(self.take_bytes(8), "big") >> 1 or 1


@dataclass(frozen=True, slots=True)
class Wiring:
    """One process's parts."""

    settings: Settings
    database: Database
    queue: Queue
    keyring: Keyring
    egress: EgressPolicy
    metrics: Metrics
    outside: Outside
    clock: Callable[[], datetime] = read_clock
    chance: Chance = field(default_factory=Chance)
