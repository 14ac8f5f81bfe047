"""What `doctor` finds: one line a check, with the remedy."""

from dataclasses import dataclass
from enum import StrEnum

from app.settings import Settings
from app.store.address import Address
from app.store.database import Database


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"

    @property
    def severity(self) -> int:
        """How bad it is, for comparing."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """How one check ended; `remedy` says what to do, and is empty when there is nothing to do."""

    check: str
    level: Level
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """The installation that is looked at."""

    settings: Settings
    address: Address
    database: Database

    @property
    def has_database(self) -> bool:
        """Whether looking at the database would not make it."""
        return self.address.path is None or self.address.path.exists()
