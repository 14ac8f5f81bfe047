"""What `/openapi.json` says.

Handlers read bodies and parameters themselves, so the framework cannot know them: `describe` puts them into
a route's description, and `build_document` puts the parts of all routes together.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from app.api.bodies import needs_body
from app.api.problems import MEDIA_TYPE, ProblemDocument

SCHEMAS = "#/components/schemas/"

# Schemas of an error that the framework believes to be answered.
FOREIGN_SCHEMAS = ("HTTPValidationError", "ValidationError")

PROBLEM = {
    "description": "Why the request was refused or could not be carried out.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": f"{SCHEMAS}{ProblemDocument.__name__}"}}},
}

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Carries the request out once: the same bytes sent again within 24 hours get the first "
    "answer, without secrets, and `Idempotent-Replayed: true`.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def describe(
    *, body: type[BaseModel] | None = None, parameters: type[BaseModel] | None = None
) -> dict[str, Any]:
    """Return what a route's description holds besides what the framework finds out."""
    described: dict[str, Any] = {}
    if body is not None:
        content = {"application/json": {"schema": schema_of(body)}}
        described["requestBody"] = {"required": needs_body(body), "content": content}
    if parameters is not None:
        properties = schema_of(parameters)["properties"]
        described["parameters"] = [
            {"name": name, "in": "query", "schema": drop_null(schema)} for name, schema in properties.items()
        ]
    return described


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a model in one piece: OpenAPI would look for definitions elsewhere."""
    schema = model.model_json_schema()
    whole: dict[str, Any] = fill_in(schema, schema.pop("$defs", {}))
    return whole


def fill_in(node: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema with its definitions where it refers to them."""
    if isinstance(node, list):
        return [fill_in(inner, definitions) for inner in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return fill_in(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    return {name: fill_in(inner, definitions) for name, inner in node.items()}


def drop_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which may be absent but never null."""
    kept = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    return kept[0] if len(kept) == 1 else schema


def build_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document["components"]["schemas"]
    for name in FOREIGN_SCHEMAS:
        schemas.pop(name, None)
    schemas[ProblemDocument.__name__] = schema_of(ProblemDocument)
    for operations in document["paths"].values():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = PROBLEM
            # Repetitions are told by the workspace of the caller's key.
            if method == "post" and "security" in operation:
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return document
