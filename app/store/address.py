"""Where the database is. Apart from the database itself, so that asking costs no driver."""

import re
from dataclasses import dataclass
from pathlib import Path

from app.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is: a file for SQLite, a URL without a driver for PostgreSQL."""

    kind: str
    url: str
    path: Path | None

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read `sqlite:///path` or `postgresql://...`; a driver suffix is accepted and ignored.

        Raises:
            Misconfigured: it is neither.
        """
        match = re.fullmatch(r"(sqlite|postgresql|postgres)(\+\w+)?://(.*)", url, re.DOTALL)
        if match is None or (match[1] == "sqlite" and not re.fullmatch(r"/[^?#]+", match[3])):
            raise Misconfigured("AETHERFLOW_DATABASE_URL: expected sqlite:///path or postgresql://host/name.")
        if match[1] == "sqlite":
            path = Path(match[3][1:]).absolute()
            return cls("sqlite", f"sqlite+aiosqlite:///{path}", path)
        return cls("postgresql", f"postgresql://{match[3]}", None)
