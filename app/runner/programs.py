"""Deployed programs, made ready to run: files in a folder, variables in an environment.

A deployment never changes, so its folder is written once under its digest and used by whoever needs it. What the
environment holds may change with any deployment or variable of the workflow, which raises the workflow's version.
"""

import asyncio
import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select

from app.errors import InternalError
from app.inbound.environment import read_environment
from app.rules.manifest import Manifest, TriggerSpec
from app.runner.packages import InstallFailedError, Packages, keep
from app.store.database import Tx
from app.store.models import Deployment, DeploymentFile, Trigger
from app.wiring import Wiring

# Programs that are kept in memory; the one that was used longest ago goes first.
MOST_PROGRAMS = 256


@dataclass(frozen=True, slots=True)
class Program:
    """A deployment as one version of its workflow runs it; one with a fault cannot be run."""

    deployment_id: str
    workflow_version: int
    folder: Path
    environment: dict[str, str]
    triggers: Mapping[str, TriggerSpec]
    packages: Path | None = None
    fault: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Sessions of the same key may share a process, one after the other."""
        return self.deployment_id, self.workflow_version


class Programs:
    """The programs that this process runs."""

    def __init__(self, wiring: Wiring, folder: Path, *, packages: Packages | None) -> None:
        self._wiring = wiring
        self._folder = folder
        self._packages = packages
        self._known: OrderedDict[tuple[str, int], Program] = OrderedDict()
        self._loading: dict[tuple[str, int], asyncio.Future[Program]] = {}

    async def get(self, deployment_id: str, *, workflow_version: int) -> Program:
        """Return a program, from memory if it has been run.

        Raises:
            Unavailable: the database is away.
            OSError: its files cannot be written here.
        """
        key = (deployment_id, workflow_version)
        # A handler may have deleted the folder that it works in; its own session is to suffer for it, and no other.
        if (program := self._known.get(key)) is not None and program.folder.is_dir():
            self._known.move_to_end(key)
            return program
        loading = self._loading.get(key)
        if loading is None:
            loading = self._loading[key] = asyncio.ensure_future(self._load(deployment_id, workflow_version))
            loading.add_done_callback(lambda done: self._loaded(key, done))
        # Others may wait for the same program when this session is given up.
        return await asyncio.shield(loading)

    def _loaded(self, key: tuple[str, int], done: asyncio.Future[Program]) -> None:
        del self._loading[key]
        if done.cancelled() or done.exception() is not None or done.result().fault is not None:
            return
        self._known[key] = done.result()
        if len(self._known) > MOST_PROGRAMS:
            self._known.popitem(last=False)

    async def _load(self, deployment_id: str, workflow_version: int) -> Program:
        async with self._wiring.database.read() as tx:
            deployment = await tx.get(Deployment, deployment_id)
            if deployment is None:
                raise InternalError(f"The deployment {deployment_id} of a session does not exist.")
            folder = self._folder / deployment.digest
            contents: dict[str, bytes] = {}
            if not folder.is_dir():
                rows = await tx.execute(
                    select(DeploymentFile.digest, DeploymentFile.content).where(
                        DeploymentFile.workspace_id == deployment.workspace_id,
                        DeploymentFile.digest.in_(set(deployment.files.values())),
                    )
                )
                contents = {row.digest: row.content for row in rows}
            environment = await read_environment(tx, deployment, wiring=self._wiring)
            triggers = await read_triggers(tx, deployment)
        if contents:
            files = {path: contents[digest] for path, digest in deployment.files.items()}
            await asyncio.to_thread(write_folder, folder, files)
        program = Program(deployment_id, workflow_version, folder.resolve(), environment, triggers)
        return await self._with_packages(program, digest=deployment.digest)

    async def _with_packages(self, program: Program, *, digest: str) -> Program:
        if self._packages is None:
            return program
        try:
            packages = await self._packages.install(program.folder, digest=digest)
        except InstallFailedError as error:
            return replace(program, fault=f"The requirements of the deployment cannot be installed: {error}")
        return replace(program, packages=packages)


async def read_triggers(tx: Tx, deployment: Deployment) -> dict[str, TriggerSpec]:
    """Return the triggers of a deployment by their ids, also those that the workflow has no longer."""
    specs = {spec.name: spec for spec in Manifest.model_validate(deployment.manifest).triggers}
    rows = await tx.execute(
        select(Trigger.id, Trigger.name).where(Trigger.workflow_id == deployment.workflow_id)
    )
    return {row.id: specs[row.name] for row in rows if row.name in specs}


def write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write files as a folder that exists whole or not at all; who comes second finds it."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix="writing-"))
    try:
        for path, content in files.items():
            place = beside / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        keep(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def private_folder(name: str) -> Path:
    """Return a folder below the system's temporary one that is ours alone.

    Raises:
        PermissionError: somebody else made a folder of this name first.
    """
    folder = Path(tempfile.gettempdir()) / f"aetherflow-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise PermissionError(f"{folder} is not ours alone")
    return folder / name
