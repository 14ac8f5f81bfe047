"""Request bodies: read within a limit, parsed strictly, judged against a model."""

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from app.api.validation import point_into_body, to_problems
from app.errors import Invalid, Problem, TooLarge, UnsupportedMediaType
from app.rules.json_text import parse_json

M = TypeVar("M", bound=BaseModel)

# Nothing but events is large; a request that registers an endpoint has 20 headers of 4 KiB at most.
MOST_BYTES = 262_144


class Input(BaseModel):
    """A request body: unknown members are refused, and "10" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NoInput(Input):
    """The body of a request that says everything by its path: nothing, or an empty object."""


async def read_bytes(request: Request, *, limit: int = MOST_BYTES) -> bytes:
    """Return a JSON body, refusing one that is too large before it has been read.

    No transaction may be open: a caller can take its time.

    Raises:
        TooLarge: it says so, or proves to be so.
        UnsupportedMediaType: it says that it is something other than JSON, or compressed.
    """
    headers = request.headers
    declared = headers.get("content-length", "0")
    if declared == "0" and "transfer-encoding" not in headers:
        return b""
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if media_type != "application/json" or encoding != "identity":
        raise UnsupportedMediaType("Send the body as application/json, not compressed.")
    too_large = TooLarge(f"The body may have {limit} bytes.")
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


async def read_no_input(request: Request) -> bytes:
    """Return the body of a request that needs none, for comparing it with its repetition.

    Raises:
        MalformedJson, Invalid: it is neither empty nor an empty object.
    """
    raw = await read_bytes(request)
    parse_body(NoInput, raw)
    return raw


def parse_body(model: type[M], raw: bytes) -> M:
    """Return a body as a model; no body at all is an empty object where nothing is required.

    Raises:
        MalformedJson, TooDeep, Invalid: see their classes.
    """
    content = parse_json(raw) if raw or needs_body(model) else {}
    if not isinstance(content, dict):
        raise Invalid("The body must be a JSON object.", problems=[Problem("", "must be an object")])
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise Invalid(problems=to_problems(error, point_into_body)) from None


def needs_body(model: type[BaseModel]) -> bool:
    """Whether a request has to have a body."""
    return any(field.is_required() for field in model.model_fields.values())
