"""What the payload models of the catalogue have in common.

A model describes what this service itself publishes, so its producers have to fill in every field.
Who publishes a built-in type by API owes less: see `app.catalogue.check`.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, PlainSerializer


def _write_milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[AwareDatetime, PlainSerializer(_write_milliseconds, return_type=str)]
"""A time; receivers get it in UTC with whole milliseconds, as in `2026-03-02T09:15:27.042Z`."""

Milliseconds = Annotated[int, Field(ge=0)]
"""A duration."""

Identifier = Annotated[str, Field(min_length=1)]


class Payload(BaseModel):
    """An object in the `data` of an event. Members beside the declared ones are allowed and kept."""

    model_config = ConfigDict(extra="allow", frozen=True, validate_by_name=True, serialize_by_alias=True)

    def to_data(self) -> dict[str, Any]:
        """Return what goes into `data`: plain JSON values under the names that receivers see."""
        return self.model_dump(mode="json")


class Change(Payload):
    """One changed field: its value before and after."""

    from_: JsonValue = Field(alias="from", description="The value before; null where there was none.")
    to: JsonValue = Field(description="The value after; null where there is none any more.")


Changes = dict[str, Change]
"""What an update changed, by the name of the field."""
