"""What the `data` of a built-in type must hold when somebody publishes it by API."""

from collections.abc import Mapping
from typing import Any

from app.catalogue.event_type import EventType
from app.errors import Problem


def check_data(event_type: EventType, data: Mapping[str, Any], *, path: str = "/data") -> list[Problem]:
    """Return what is wrong with `data`; nothing, if it names the id of its object.

    The id is all that subscribers cannot do without, and further members are allowed everywhere, so
    nothing else is looked at: this runs for every published event. `path` is the JSON pointer of
    `data` in the request.
    """
    try:
        identifier = data[event_type.object_name]["id"]
    except (KeyError, TypeError):
        identifier = None
    if isinstance(identifier, str) and identifier:
        return []
    return [_name_the_problem(event_type, data, path=path)]


def _name_the_problem(event_type: EventType, data: Mapping[str, Any], *, path: str) -> Problem:
    name = event_type.object_name
    if not isinstance(data.get(name), Mapping):
        return Problem(f"{path}/{name}", f"`{event_type.name}` needs an object `{name}` with an `id`")
    return Problem(f"{path}/{name}/id", f"`{event_type.name}` needs the id, a string that is not empty")
