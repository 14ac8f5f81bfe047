"""Deploying workflows."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.formparsers import MultiPartException, MultiPartParser

from app.api.auth import WorkflowsWriter
from app.api.description import describe
from app.api.idempotency import Answer, answer_once
from app.api.parameters import Flag, Parameters, read_parameters
from app.api.schemas.workflows import (
    ChangeShown,
    DeployAnswer,
    DeploymentShown,
    TriggerShown,
    WorkflowShown,
)
from app.api.transactions import Parts
from app.errors import MalformedArchive, TooLarge, UnsupportedMediaType
from app.inbound.deploy import Deployed, deploy
from app.inbound.drafts import Draft, draft_deployment
from app.rules.archives import MOST_BYTES, MOST_FILES, read_archive, read_parts
from app.store.database import Tx
from app.wiring import Wiring

GZIP = ("application/gzip", "application/x-gzip")
FORM = "multipart/form-data"

# What a form says around its files.
FORM_EXTRA_BYTES = 4 * 1024 * 1024

router = APIRouter(tags=["workflows"])


class DeployQuery(Parameters):
    """How to deploy."""

    dry_run: Flag = False


# What the framework cannot know: the body is read by hand, and is no JSON.
DESCRIPTION = {
    **describe(parameters=DeployQuery),
    "requestBody": {
        "required": True,
        "content": {
            "application/gzip": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": {"type": "string", "format": "binary"},
                    "description": "A field for each file, named by its path.",
                }
            },
        },
    },
}


@router.post("/workflows/deploy", response_model=DeployAnswer, openapi_extra=DESCRIPTION)
async def deploy_workflow(request: Request, caller: WorkflowsWriter, parts: Parts) -> Response:
    """Deploy the files of a workflow, as a tar.gz or a form; the same files again change nothing.

    Answers 201 when the workflow is a new one.
    """
    query = read_parameters(request, DeployQuery)
    raw = await read_body(request)
    drafts: list[Draft] = []

    async def judge() -> None:
        files = await read_files(request, raw)
        most = parts.settings.hook_max_bytes
        drafts.append(await asyncio.to_thread(draft_deployment, files, most_body_bytes=most))

    async def perform(tx: Tx) -> Answer:
        deployed = await deploy(
            tx, drafts[0], workspace_id=caller.workspace_id, wiring=parts, dry_run=query.dry_run
        )
        shown = show(deployed, base=base_of(request, parts))
        if not deployed.is_created or query.dry_run or shown.workflow is None:
            return Answer(200, shown.model_dump(mode="json"))
        location = f"/api/v1/workflows/{shown.workflow.id}"
        return Answer(201, shown.model_dump(mode="json"), {"Location": location})

    return await answer_once(request, caller, raw, perform, prepare=judge)


def show(deployed: Deployed, *, base: str) -> DeployAnswer:
    """Return what was done, as the API shows it."""
    return DeployAnswer(
        workflow=None if deployed.workflow is None else WorkflowShown.of(deployed.workflow),
        deployment=None if deployed.deployment is None else DeploymentShown.of(deployed.deployment, "active"),
        triggers=[TriggerShown.of(trigger, base) for trigger in deployed.triggers],
        plan=[ChangeShown.of(change) for change in deployed.plan],
        changed=deployed.is_changed,
        warnings=deployed.warnings,
    )


def base_of(request: Request, parts: Wiring) -> str:
    """Return the address of triggers: as it is set, else as the caller reached us."""
    settings = parts.settings
    return settings.hooks_url or settings.public_url or str(request.base_url)


async def read_body(request: Request) -> bytes:
    """Return the body of a deployment.

    Raises:
        UnsupportedMediaType: it is neither an archive nor a form.
        TooLarge: it has more than a deployment may have.
    """
    media_type = media_type_of(request)
    if media_type in GZIP:
        return await read_limited(request, MOST_BYTES)
    if media_type == FORM:
        return await read_limited(request, MOST_BYTES + FORM_EXTRA_BYTES)
    raise UnsupportedMediaType("Send the files as application/gzip (a tar.gz) or as multipart/form-data.")


async def read_files(request: Request, raw: bytes) -> Mapping[str, bytes]:
    """Return the files of a deployment by path.

    Raises:
        MalformedArchive, TooLarge: see `app.rules.archives`.
    """
    if media_type_of(request) == FORM:
        return read_parts(await read_form(request, raw))
    return await asyncio.to_thread(read_archive, raw)


def media_type_of(request: Request) -> str:
    """Return what a body says that it is."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_limited(request: Request, limit: int) -> bytes:
    """Return a body, refusing one that is too large before it has been read.

    Raises:
        TooLarge: it says so, or proves to be so.
    """
    too_large = TooLarge(f"A deployment may have {MOST_BYTES} bytes.")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    chunks, length = [], 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


async def read_form(request: Request, raw: bytes) -> list[tuple[str, bytes]]:
    """Return the paths and contents of a form's files.

    Raises:
        MalformedArchive: it is no form.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield raw

    parser = MultiPartParser(request.headers, stream(), max_files=MOST_FILES + 1, max_fields=MOST_FILES + 1)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise MalformedArchive(f"The form cannot be read: {error.message}") from None
    found = []
    for name, value in form.multi_items():
        if isinstance(value, str):
            found.append((name, value.encode()))
        else:
            path = value.filename if value.filename and "/" in value.filename else name
            found.append((path, await value.read()))
    await form.close()
    return found
