"""Puts a process's parts together from its settings."""

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from app.errors import AlreadyRunning, Misconfigured
from app.queue import Queue
from app.rules.addresses import EgressPolicy
from app.settings import Settings
from app.store.address import Address
from app.store.database import Database
from app.store.migrations import migrate, require_schema
from app.store.sealed_rows import require_keys
from app.store.sealing import KEY_BYTES, Keyring, new_entry
from app.telemetry import Metrics, configure_logs
from app.wiring import Chance, Wiring
from app.workspaces.first_owner import ensure_first_owner
from app.workspaces.keys import ensure_bootstrap_key
from app.workspaces.workspaces import ensure_default
from delivery.outside import GuardedOutside


def data_folder(settings: Settings) -> Path:
    """Return the folder of the SQLite file, made if need be.

    Raises:
        Misconfigured: the database is not SQLite, or the folder cannot be made.
    """
    path = Address.parse(settings.database_url.get_secret_value()).path
    if path is None:
        raise Misconfigured(
            "AETHERFLOW_DATABASE_URL: `dev` and `up` keep everything in SQLite; with PostgreSQL use `serve` "
            "and `worker`."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Misconfigured(
            f"AETHERFLOW_DATABASE_URL: cannot make {path.parent}: {error.strerror}."
        ) from None
    return path.parent


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Own a data folder as long as the process lives.

    Raises:
        AlreadyRunning: another process does.
        Misconfigured: we may not write there.
    """
    try:
        file = (folder / "lock").open("w")
    except OSError as error:
        raise Misconfigured(f"AETHERFLOW_DATABASE_URL: cannot write to {folder}: {error.strerror}.") from None
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(f"Another process already serves {folder}; stop it first.") from None
        yield


def read_keyring(settings: Settings, *, folder: Path | None, chance: Chance) -> Keyring:
    """Return the keyring of the settings, or else of the data folder, where a first one is made.

    Raises:
        Misconfigured: there is none, or it is malformed.
    """
    if settings.keyring is not None:
        return Keyring.parse(settings.keyring.get_secret_value(), chance=chance.take_bytes)
    if folder is None:
        raise Misconfigured(
            "AETHERFLOW_KEYRING: is required here; make an entry with `aetherflow keyring new` and keep it safe."
        )
    path = folder / "keyring"
    if not path.exists():
        # Not by a fixed id: if the file is lost, the next one must not pass for it.
        write_private(path, new_entry(chance.take_bytes(KEY_BYTES), f"k{chance.take_bytes(4).hex()}"))
    return Keyring.parse(read_entries(path), chance=chance.take_bytes)


def read_entries(path: Path) -> str:
    """Return what a keyring file holds.

    Raises:
        Misconfigured: it cannot be read.
    """
    try:
        return path.read_text(errors="replace").strip()
    except OSError as error:
        raise Misconfigured(f"AETHERFLOW_KEYRING: cannot read {path}: {error.strerror}.") from None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)


def make_wiring(settings: Settings, queue: Queue, *, folder: Path | None) -> Wiring:
    """Return the parts of a process; `folder` is the data folder of an embedded one.

    Raises:
        Misconfigured: a setting does not fit.
    """
    chance = Chance()
    own_urls = [settings.public_url] if settings.public_url else []
    egress = EgressPolicy.of(
        allow=settings.egress_allow,
        ports=settings.egress_ports,
        allow_http=settings.allow_http,
        own_urls=own_urls,
    )
    keyring = read_keyring(settings, folder=folder, chance=chance)
    database = Database(Address.parse(settings.database_url.get_secret_value()), queue)
    outside = GuardedOutside(egress)
    return Wiring(settings, database, queue, keyring, egress, Metrics(), outside, chance=chance)


@asynccontextmanager
async def open_wiring(settings: Settings, queue: Queue) -> AsyncIterator[Wiring]:
    """Open the database for a command that works on it, beside a running server or without one.

    Raises:
        Misconfigured: a setting does not fit, or the schema is behind.
    """
    configure_logs(log_format=settings.log_format, level=settings.log_level)
    address = Address.parse(settings.database_url.get_secret_value())
    wiring = make_wiring(settings, queue, folder=None if address.path is None else data_folder(settings))
    try:
        if address.path is not None:
            await migrate(wiring.database)
        await require_schema(wiring.database)
        await require_keys(wiring.database, wiring.keyring)
        yield wiring
    finally:
        await wiring.database.engine.dispose()


async def prepare(wiring: Wiring) -> None:
    """Make the first workspace, and the operator's known first key and owner if there are such.

    Raises:
        Misconfigured: what the settings say of them does not fit.
    """
    bootstrap = wiring.settings.bootstrap_api_key
    async with wiring.database.write() as tx:
        workspace = await ensure_default(tx, wiring=wiring)
        if bootstrap is not None:
            key = bootstrap.get_secret_value()
            await ensure_bootstrap_key(tx, key, workspace_id=workspace.id, wiring=wiring)
    await ensure_first_owner(wiring, workspace_id=workspace.id)
