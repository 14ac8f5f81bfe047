"""What a manifest says, once it is known to be right.

The models are what is stored of a manifest: `model_dump(mode="json")` and `model_validate` are inverse to
each other. They check nothing themselves; `app.rules.manifest.reading` does, with lines.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Stored(BaseModel):
    """What all of them have in common: they do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VarSpec(Stored):
    """A variable of the handlers' environment."""

    name: str
    value: str | None = None
    """The text as it stands in the file; None when none is given there, so that what was set stays."""
    secret: bool = False
    description: str | None = None


class ConnectionSpec(Stored):
    """A named use of an integration; its vars reach handlers as `<connection>__<var>`."""

    name: str
    integration: str
    vars: tuple[VarSpec, ...] = ()


class VerifySpec(Stored):
    """How a trigger tells real requests from forged ones."""

    provider: str
    secret: str
    """The name of the variable that holds the secret."""
    tolerance: int = 300
    """Seconds that a signed time may differ from now, where the provider signs one."""


class TriggerSpec(Stored):
    """What starts sessions."""

    name: str
    type: Literal["webhook", "schedule"]
    event_type: str | None = None
    """Only events of this type match."""
    filter: str | None = None
    """CEL; see `app.rules.filters`."""
    call: str | None = None
    """`path.py:function`; without one, the trigger only has a URL that handlers can wait on."""
    is_sync: bool = False
    is_durable: bool = False
    timeout: float | None = None
    """Seconds that a caller waits; None for the service's own."""
    stream: bool = False
    max_body: int | None = None
    """Bytes; None for the service's own."""
    verify: VerifySpec | None = None
    dedupe_header: str | None = None
    schedule: str | None = None
    """See `app.rules.schedules`; every trigger of that type has one."""
    timezone: str = "UTC"
    sync_suffix: bool = True
    """Whether `/sync` behind the URL makes a request synchronous."""
    max_seconds: float | None = None
    """Of a session's activity; None for the service's own."""


class Manifest(Stored):
    """A deployment's manifest, whatever file and version it was written in."""

    version: Literal["v1", "v2"]
    name: str
    display_name: str | None = None
    vars: tuple[VarSpec, ...] = ()
    connections: tuple[ConnectionSpec, ...] = ()
    triggers: tuple[TriggerSpec, ...] = ()
