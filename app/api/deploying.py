"""Deploying workflows."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.formparsers import MultiPartException, MultiPartParser

from app.api.auth import WorkflowsWriter
from app.api.parameters import Flag, read_parameters
from app.api.schemas.workflows import (
    ChangeShown,
    DeployAnswer,
    DeploymentShown,
    TriggerShown,
    WorkflowShown,
)
from app.api.transactions import Parts
from app.errors import MalformedArchive, TooLarge, UnsupportedMediaType
from app.inbound.deploy import Deployed, deploy, draft_deployment
from app.rules.archives import MOST_BYTES, MOST_FILES, read_archive, read_parts
from app.wiring import Wiring

GZIP = ("application/gzip", "application/x-gzip")

# What a form says around its files.
FORM_EXTRA_BYTES = 4 * 1024 * 1024

router = APIRouter(tags=["workflows"])


class DeployQuery(BaseModel):
    """How to deploy."""

    model_config = {"extra": "forbid"}

    dry_run: Flag = False


@router.post("/workflows/deploy", response_model=DeployAnswer)
async def deploy_workflow(request: Request, caller: WorkflowsWriter, parts: Parts) -> Response:
    """Deploy the files of a workflow, as a tar.gz or a form; the same files again change nothing."""
    query = read_parameters(request, DeployQuery)
    files = await read_files(request)
    draft = await asyncio.to_thread(draft_deployment, files, most_body_bytes=parts.settings.hook_max_bytes)
    async with parts.database.write() as tx:
        deployed = await deploy(
            tx, draft, workspace_id=caller.workspace_id, wiring=parts, dry_run=query.dry_run
        )
        answer = show(deployed, base=base_of(request, parts))
    created = deployed.is_created and not query.dry_run
    headers = {"Location": f"/api/v1/workflows/{answer.workflow.id}"} if created and answer.workflow else {}
    return Response(answer.model_dump_json(), 201 if created else 200, headers, media_type="application/json")


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


async def read_files(request: Request) -> Mapping[str, bytes]:
    """Return the files of a deployment by path.

    Raises:
        UnsupportedMediaType: it is neither an archive nor a form.
        MalformedArchive, TooLarge: see `app.rules.archives`.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in GZIP:
        packed = await read_limited(request, MOST_BYTES)
        return await asyncio.to_thread(read_archive, packed)
    if media_type == "multipart/form-data":
        return read_parts(await read_form(request))
    raise UnsupportedMediaType("Send the files as application/gzip (a tar.gz) or as multipart/form-data.")


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


async def read_form(request: Request) -> list[tuple[str, bytes]]:
    """Return the paths and contents of a form's files.

    Raises:
        MalformedArchive: it is no form.
    """
    body = await read_limited(request, MOST_BYTES + FORM_EXTRA_BYTES)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

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
