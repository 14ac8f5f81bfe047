"""What the catalogue knows of one event type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from app.catalogue.payload import Payload

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class EventType:
    """A type that this service publishes. The mappings are shared: read them, do not change them."""

    name: str
    description: str
    model: type[Payload]
    """The whole `data`, as the producers in this service fill it in."""

    example: Mapping[str, Any]
    """A complete `data`, in the form that receivers get it."""

    version: int = 1
    """Counts the changes of the schema."""

    object_name: str = field(init=False)
    """The member of `data` that holds what the event is about: `workflow` for `workflow.failed`."""

    schema: Mapping[str, Any] = field(init=False, repr=False)
    """JSON Schema 2020-12 of `data`. Only the object and its id are required, as with the API."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "object_name", self.name.partition(".")[0])
        object.__setattr__(self, "schema", _schema_of(self.model, object_name=self.object_name))


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of field names: they say nothing new."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _schema_of(model: type[Payload], *, object_name: str) -> dict[str, Any]:
    """Describe what receivers may meet: the fields of the model, of which few are certain.

    An event that was published by API may hold nothing but the id of its object. A schema that
    required all that our own events hold would make receivers refuse events that we accepted.
    """
    schema = model.model_json_schema(schema_generator=_Untitled)
    definitions = schema["$defs"]
    for definition in definitions.values():
        definition.pop("required", None)
    reference = schema["properties"][object_name]["$ref"]
    definitions[reference.removeprefix("#/$defs/")]["required"] = ["id"]
    return {"$schema": _DIALECT, **schema, "required": [object_name]}
