"""Request bodies: read within a limit, parsed strictly, judged against a model."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from app.errors import Invalid, Problem, TooLarge, UnsupportedMediaType
from app.rules.json_text import parse_json

M = TypeVar("M", bound=BaseModel)

# Nothing but events is large; a request that registers an endpoint has 20 headers of 4 KiB at most.
MOST_BYTES = 262_144


class Input(BaseModel):
    """A request body: unknown members are refused, and "10" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


async def read_bytes(request: Request, *, limit: int) -> bytes:
    """Return a JSON body, refusing one that is too large before it has been read.

    Raises:
        TooLarge: it says so, or proves to be so.
        UnsupportedMediaType: it says that it is something other than JSON, or compressed.
    """
    headers = request.headers
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" or headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body as application/json, not compressed.")
    too_large = TooLarge(f"The body may have {limit} bytes.")
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    chunks = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


async def read_small_body(request: Request) -> bytes:
    """Return the body of an ordinary request; no transaction may be open yet."""
    return await read_bytes(request, limit=MOST_BYTES)


RawBody = Annotated[bytes, Depends(read_small_body)]


def json_body(model: type[M]) -> Any:
    """Return the dependency that gives the body as a model.

    It comes after the dependencies that look for the row of the path, so that a row which is not there is told
    before a body that does not fit.
    """

    async def parse(raw: RawBody) -> M:
        return parse_body(model, raw)

    parse.model = model  # type: ignore[attr-defined]  # for the OpenAPI description
    return Depends(parse)


def parse_body(model: type[M], raw: bytes) -> M:
    """Return a body as a model; no body at all is an empty object.

    Raises:
        MalformedJson, TooDeep, Invalid: see their classes.
    """
    content = parse_json(raw) if raw else {}
    if not isinstance(content, dict):
        raise Invalid("The body must be a JSON object.", problems=[Problem("", "must be an object")])
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise Invalid(problems=to_problems(error.errors(), pointer=point_into_body)) from None


def point_into_body(location: tuple[int | str, ...]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def point_at_parameter(location: tuple[int | str, ...]) -> str:
    """Return the path of a parameter as FastAPI locates it: ("query", "limit") is `?limit`."""
    return f"?{location[1]}" if location[0] == "query" and len(location) > 1 else str(location[-1])


CODES = {"extra_forbidden": "unknown_field", "missing": "missing"}


def to_problems(errors: Any, *, pointer: Callable[[tuple[int | str, ...]], str]) -> list[Problem]:
    """Return pydantic's errors as problems."""
    return [
        Problem(pointer(e["loc"]), e["msg"].removeprefix("Value error, "), CODES.get(e["type"], "invalid"))
        for e in errors
    ]


def describe_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return what OpenAPI says of a body that a handler reads by itself."""
    schema = model.model_json_schema()
    schema = fill_in(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def fill_in(node: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema with its definitions where it refers to them: OpenAPI would look for them elsewhere."""
    if isinstance(node, list):
        return [fill_in(inner, definitions) for inner in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return fill_in(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    return {name: fill_in(inner, definitions) for name, inner in node.items()}
