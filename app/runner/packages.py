"""What a deployment's `requirements.txt` names, installed once for all who name the same.

Installing runs code of strangers with the rights of the service, so it happens only where the operator has allowed
it (AETHERFLOW_RUNNER_INSTALL). Packages lie in a folder of their own under the digest of the file, the interpreter,
and the deployment's own files if the requirements point at any.
"""

import asyncio
import hashlib
import shutil
import tempfile
from pathlib import Path

FILE = "requirements.txt"

# Downloads may be slow, and a session that waits for ever says nothing.
INSTALL_SECONDS = 600

# Of what pip says, the end tells the cause.
MOST_CHARACTERS = 2_000


class InstallFailedError(Exception):
    """pip could not install what a deployment needs; the text is what it said."""


class Packages:
    """The folders of installed packages of this machine."""

    def __init__(self, folder: Path, *, python: str, timeout_seconds: float = INSTALL_SECONDS) -> None:
        self._folder = folder
        self._python = python
        self._timeout_seconds = timeout_seconds
        self._installing: dict[str, asyncio.Lock] = {}

    async def install(self, deployed: Path, *, digest: str) -> Path | None:
        """Return the folder of what a deployed folder needs, installed if it has not been; None if it needs nothing.

        `digest` is the deployment's own.

        Raises:
            InstallFailedError: pip refused, or took too long.
        """
        requirements = deployed / FILE
        if not requirements.is_file():
            return None
        text = requirements.read_bytes()
        # A path of the deployment means other packages in another deployment.
        own = digest if b"./" in text else ""
        key = hashlib.sha256(b"\0".join([text, self._python.encode(), own.encode()])).hexdigest()
        folder = self._folder / key
        async with self._installing.setdefault(key, asyncio.Lock()):
            if not folder.is_dir():
                await self._install(deployed, folder)
        return folder

    async def _install(self, deployed: Path, folder: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = Path(tempfile.mkdtemp(dir=self._folder, prefix="installing-"))
        try:
            process = await asyncio.create_subprocess_exec(
                self._python,
                *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
                *("--target", str(beside), "-r", FILE),
                cwd=deployed,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    said, _ = await process.communicate()
            except TimeoutError:
                process.kill()
                await process.wait()
                raise InstallFailedError(f"pip took more than {self._timeout_seconds:g} seconds") from None
            if process.returncode != 0:
                raise InstallFailedError(said.decode(errors="replace").strip()[-MOST_CHARACTERS:])
            keep(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def keep(beside: Path, folder: Path) -> None:
    """Give a finished folder its name, unless another process was quicker."""
    try:
        beside.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
