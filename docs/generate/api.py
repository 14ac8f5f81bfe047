"""docs/reference/api.md, from the routes of the application and its OpenAPI description."""

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute

from app.cli.serving.parts import make_wiring
from app.main import API, RESOURCES, create_app
from app.queue import LocalQueue
from app.settings import read_settings
from app.store.sealing import KEY_BYTES
from app.workspaces.keys import Scope
from docs.generate.text import code, page, table

INTRODUCTION = """
Everything is below `/api/v1`, takes and gives JSON, and wants a key: `Authorization: Bearer afk_...`. The running
service describes the same in OpenAPI at `/openapi.json`.

- **Scopes.** Each operation names the scope that a key must have; what names none needs no key. `admin` includes all
  but `operator`; a scope to write does not include `read`.
- **Strictness.** Unknown members and parameters are refused, `"10"` is no number, and a query parameter stands at
  most once.
- **Times** are RFC 3339 in UTC. Ids are a prefix and 32 hex digits, and sort by their time of creation.
- **Workspaces.** A key belongs to one workspace. What belongs to another one is a 404, as if it did not exist.
- **Lists** come newest first, `limit` (1 to 100, by default 50) at a time: `{"data": [...], "next_cursor": "..."}`.
  Pass `next_cursor` on as `cursor`, with the same filters; it is null at the end. `since` is inclusive, `until`
  exclusive.
- **PATCH** replaces the members that it names, each as a whole; null resets one to its default.
- **Idempotency-Key.** Every POST with an API key takes this header (1 to 255 visible ASCII characters). The same
  request sent again within 24 hours gets the first answer with `Idempotent-Replayed: true`; a secret in it is left
  out. See [how to publish idempotently](../how-to/publish-idempotently.md).
- **Rates.** `RateLimit` and `RateLimit-Policy` tell what is left; beyond it comes a 429 with `Retry-After`.
- **Request-Id** is on every answer; send one of your own (`[A-Za-z0-9_-]{1,64}`) to find it in the log.
- **Errors** are problem documents; [every code has a page](errors.md).
"""

OUTSIDE = """
## Outside of `/api/v1`

| path | answer |
| --- | --- |
| `GET /healthz` | 200 as long as the process runs |
| `GET /readyz` | 200 when database and schema are in order, else 503; tells about Redis and workers too |
| `GET /metrics` | metrics for Prometheus |
| `GET /openapi.json` | this page for programs |

They take no key: see [deploying](../operations/deploying.md) on who should reach them.
"""

# These admit the caller by themselves, see `app.api.publishing`.
PUBLISHING = {"/events", "/events/batch"}


def render() -> str:
    """Return the page."""
    described = describe()
    description = with_choices(described, described["components"]["schemas"])
    schemas = description["components"]["schemas"]
    operations = []
    shown: dict[str, None] = {}
    for route in (route for router in RESOURCES for route in router.routes if isinstance(route, APIRoute)):
        for method in sorted(route.methods - {"HEAD"}):
            operation = description["paths"][API + route.path][method.lower()]
            operations.append(operation_section(method, route, operation))
            shown.update(dict.fromkeys(answer_objects(route, operation, schemas)))
    objects = [f"### {name}\n\n{object_section(schemas[name])}" for name in sorted(shown)]
    return page("HTTP API", INTRODUCTION, "## Operations", *operations, "## Objects", *objects, OUTSIDE)


def describe() -> dict[str, Any]:
    """Return the OpenAPI document of the service."""
    settings = read_settings(
        database_url="sqlite:///unused.db", keyring=f"docs:{base64.b64encode(bytes(KEY_BYTES)).decode()}"
    )

    async def tell() -> dict[str, str]:
        return {}

    async def build() -> dict[str, Any]:
        # An application takes hold of the event loop that it is made in.
        return create_app(make_wiring(settings, LocalQueue(), folder=None), told=tell).openapi()

    return asyncio.run(build())


def with_choices(node: Any, schemas: dict[str, Any]) -> Any:
    """Return a description with the values of an enumeration where it refers to one."""
    if isinstance(node, list):
        return [with_choices(inner, schemas) for inner in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node and "enum" in schemas[name_of(node)]:
        return {**schemas[name_of(node)], **{name: said for name, said in node.items() if name != "$ref"}}
    return {name: with_choices(inner, schemas) for name, inner in node.items()}


def operation_section(method: str, route: APIRoute, operation: dict[str, Any]) -> str:
    """Return the section of an operation."""
    scope = scope_of(method, route)
    wanted = f" Scope: {code(scope)}." if scope else ""
    parts = [f"### {method} {route.path}", operation["description"] + wanted]
    parameters = [one for one in operation.get("parameters", []) if one["in"] == "query"]
    if parameters:
        rows = [[code(one["name"]), type_of(one["schema"])] for one in parameters]
        parts.append(table(["parameter", "type"], rows))
    if "requestBody" in operation:
        parts.append(body_section(operation["requestBody"]["content"]))
    status, answer = answer_of(operation)
    parts.append(f"Answers {status}" + (f" with {type_of(answer)}." if answer else "."))
    return "\n\n".join(parts)


def body_section(content: dict[str, Any]) -> str:
    """Return what is said of a request's body, by its media types."""
    if "application/json" not in content:
        return f"The body is {' or '.join(map(code, content))}."
    members = members_of(content["application/json"]["schema"], noted="required")
    return table(["member", "type", "", "meaning"], members)


def scope_of(method: str, route: APIRoute) -> Scope | None:
    """Return the scope that an operation wants, or None where no key is needed."""
    if method == "POST" and route.path in PUBLISHING:
        return Scope.EVENTS_WRITE
    scopes = [getattr(one.call, "scope", None) for one in route.dependant.dependencies]
    return next((scope for scope in scopes if isinstance(scope, Scope)), None)


def answer_of(operation: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Return status and schema of the answer when all goes well."""
    status = next(status for status in operation["responses"] if status.startswith("2"))
    content = operation["responses"][status].get("content", {})
    return status, content.get("application/json", {}).get("schema")


def answer_objects(route: APIRoute, operation: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the objects that an answer holds, at any depth."""
    waiting = list(references_in(answer_of(operation)[1]))
    while waiting:
        name = waiting.pop()
        waiting += references_in(schemas[name])
        if not name.startswith("Page_"):
            yield name


def references_in(node: Any) -> Iterator[str]:
    """Yield the names of the schemas that a schema refers to."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield name_of(node)
        for inner in node.values():
            yield from references_in(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references_in(inner)


def name_of(reference: dict[str, str]) -> str:
    """Return the name of the schema that is referred to."""
    return reference["$ref"].rpartition("/")[2]


def object_section(schema: dict[str, Any]) -> str:
    """Return what is said of an object."""
    return f"{schema.get('description', '')}\n\n{table(['member', 'type', 'meaning'], members_of(schema))}"


def members_of(schema: dict[str, Any], path: str = "", *, noted: str = "") -> Iterator[list[str]]:
    """Yield a row for each member, those of objects in objects too; `noted` is said of those that must be there."""
    required = schema.get("required", [])
    for name, member in schema.get("properties", {}).items():
        note = [noted if name in required else ""] if noted else []
        yield [code(path + name), type_of(member), *note, member.get("description", "")]
        inner = not_null(member)
        if inner.get("type") == "array":
            yield from members_of(not_null(inner["items"]), f"{path}{name}[].", noted=noted)
        else:
            yield from members_of(inner, f"{path}{name}.", noted=noted)


def not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a choice that is not null."""
    choices: list[dict[str, Any]] = schema.get("anyOf", [schema])
    return next(choice for choice in choices if choice.get("type") != "null")


def type_of(schema: dict[str, Any]) -> str:
    """Return a type in words, with its limits."""
    nullable = any(choice.get("type") == "null" for choice in schema.get("anyOf", []))
    return words_of(not_null(schema)) + (" or null" if nullable else "")


def words_of(schema: dict[str, Any]) -> str:
    """Return a type in words that is not a choice."""
    if "$ref" in schema:
        name = name_of(schema)
        item = name.removeprefix("Page_").removesuffix("_")
        return link_to(name) if item == name else f"a page of {link_to(item)}"
    if "enum" in schema:
        return " or ".join(code(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {type_of(schema['items'])}{limits_of(schema, 'minItems', 'maxItems')}"
    if schema.get("format") == "date-time":
        return "time"
    if isinstance(schema.get("additionalProperties"), dict):
        values = type_of(schema["additionalProperties"])
        return f"object of {values}{limits_of(schema, 'minProperties', 'maxProperties')}"
    word = {"integer": "whole number"}.get(schema.get("type", ""), schema.get("type", "any value"))
    return word + limits_of(schema, "minimum", "maximum") + limits_of(schema, "minLength", "maxLength")


def link_to(name: str) -> str:
    """Return a link to the section of an object."""
    return f"[{name}](#{name.lower()})"


def limits_of(schema: dict[str, Any], lowest: str, highest: str) -> str:
    """Return the limits of a value, or of a length."""
    unit = {"minLength": " characters", "minItems": " entries", "minProperties": " entries"}.get(lowest, "")
    if lowest in schema and highest in schema:
        return f", {schema[lowest]:g} to {schema[highest]:g}{unit}"
    if lowest in schema:
        return f", at least {schema[lowest]:g}"
    return f", at most {schema[highest]:g}{unit}" if highest in schema else ""
