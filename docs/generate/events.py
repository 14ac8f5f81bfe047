"""docs/reference/events.md, from the catalogue of built-in event types."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app import catalogue
from app.catalogue import EventType
from docs.generate import captured
from docs.generate.text import code, page, table

INTRODUCTION = """
An event reaches a receiver as one compact JSON object:

| member | content |
| --- | --- |
| `event` | the type, such as `invoice.paid` |
| `id` | the same in every delivery of this event; also the header `webhook-id`, and what to deduplicate by |
| `timestamp` | when it happened, RFC 3339 in UTC |
| `data` | an object, with keys, numbers and strings exactly as they were published |

Any application may publish types of its own. A name has at least two parts of `a-z`, `0-9` and `_`, joined by
dots, and at most 128 characters. An endpoint subscribes to names, to a name whose last part is `*`, which takes
everything below it, or to `*`.

The families below belong to the service, and no other names can be added to them. Its own types may be published
by API too; their `data` then needs no more than the object with its `id`. Further members may be there at any
time: a receiver ignores what it does not know.

Types marked with ● are published by the service itself today, and below stands one that it has sent, as it was sent.
The others have their final form, and a producer once the part of the service that they speak of is there.
"""


def render() -> str:
    """Return the page."""
    bodies = captured.read()
    rows = [
        [f"[{code(one.name)}](#{anchor(one.name)})", "●" if one.name in bodies else "", one.description]
        for one in catalogue.EVENT_TYPES
    ]
    return page(
        "Event types",
        INTRODUCTION,
        table(["type", "", "when"], rows),
        *(section_of(one, bodies.get(one.name)) for one in catalogue.EVENT_TYPES),
    )


def anchor(name: str) -> str:
    """Return the anchor of a heading, as Markdown viewers make it."""
    return name.replace(".", "")


def section_of(event_type: EventType, body: Mapping[str, Any] | None) -> str:
    """Return the section of a type, with a body that was sent if there is one."""
    rows = [list(row) for row in members_of(event_type.schema, event_type.schema, "data")]
    return "\n\n".join(
        [
            f"## {event_type.name}",
            f"{event_type.description} Version {event_type.version} of its schema.",
            table(["member", "type", "meaning"], rows),
            f"```json\n{json.dumps(body or example_of(event_type), indent=2, ensure_ascii=False)}\n```",
        ]
    )


def example_of(event_type: EventType) -> dict[str, Any]:
    """Return a whole body."""
    return {
        "event": event_type.name,
        "id": "evt_0198c7a91b6c7f53ae208d94c1705e6b",
        "timestamp": "2026-03-02T11:04:57.310Z",
        "data": event_type.example,
    }


def members_of(
    schema: Mapping[str, Any], node: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str, str]]:
    """Yield path, type and meaning of each member below a node, the outer ones first."""
    for name, member in node.get("properties", {}).items():
        inner = resolve(schema, member)
        listed = inner.get("type") == "array"
        yield (
            code(f"{path}.{name}{'[]' if listed else ''}"),
            type_of(schema, member),
            member.get("description", ""),
        )
        item = resolve(schema, inner["items"]) if listed else inner
        yield from members_of(schema, item, f"{path}.{name}{'[]' if listed else ''}")


def resolve(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference, and take the part of a choice that is not null."""
    choices = [choice for choice in node.get("anyOf", [node]) if choice.get("type") != "null"]
    reference = choices[0].get("$ref")
    return schema["$defs"][reference.removeprefix("#/$defs/")] if reference else choices[0]


def type_of(schema: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Return a type in words."""
    inner = resolve(schema, node)
    if "const" in inner:
        words = code(inner["const"])
    elif "enum" in inner:
        words = ", ".join(code(value) for value in inner["enum"])
    elif inner.get("type") == "array":
        words = "array"
    else:
        words = {"integer": "whole number"}.get(inner.get("type", ""), inner.get("type", "any value"))
    nullable = any(choice.get("type") == "null" for choice in node.get("anyOf", []))
    return f"{words} or null" if nullable else words
