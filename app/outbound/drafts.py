"""An event on its way: what a caller wants, what goes into the database, what the caller is told."""

from datetime import datetime

import msgspec


class Publication(msgspec.Struct, gc=False):
    """An event that a caller wants published; `data` is compact JSON. Without an id or timestamp we choose.

    `path` is the JSON pointer to it in the caller's request.
    """

    workspace_id: str
    type: str
    data: bytes
    id: str | None = None
    timestamp: str | None = None
    path: str = ""


class Published(msgspec.Struct, gc=False):
    """The answer. `replayed` says that this very event was published before."""

    id: str
    type: str
    timestamp: str
    deliveries: int
    replayed: bool = False


class Draft(msgspec.Struct, gc=False):
    """A publication on its way into the database; `endpoints_version` is what it was fanned out by last."""

    given: Publication
    id: str
    timestamp: str
    body: bytes
    created_at: datetime
    endpoints_version: int = -1
    published: Published | None = None
