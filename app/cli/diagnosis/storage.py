"""What `doctor` looks at in the database, its folder and its keyring."""

import os
import sqlite3
import stat
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.cli.connection import KEY_FILE
from app.cli.diagnosis.findings import Finding, Level, Patient
from app.cli.serving.parts import read_entries
from app.errors import AetherFlowError, Misconfigured
from app.store.database import cause_of, misconfigured_when_refused, unavailable_when_away
from app.store.migrations import current_revision, newest_revision
from app.store.sealed_rows import require_keys
from app.store.sealing import Keyring

# JSON functions are part of every build since then (sqlite.org/changes.html).
OLDEST_SQLITE = (3, 38, 0)

# Others can, very rarely, damage a file in WAL mode that two connections write at the same moment; the repair is
# in these and what follows them in their series (sqlite.org/wal.html#walresetbug).
FIXED_SQLITE = ((3, 51, 3), (3, 50, 7), (3, 44, 6))

# Below this a difference of clocks is as good as none.
NOTICED_SKEW_SECONDS = 1.0


async def check_database(patient: Patient) -> Sequence[Finding]:
    """Does the database answer?"""
    if not patient.has_database:
        detail = f"there is none yet at {patient.address.path}"
        remedy = (
            "`aetherflow up` or `dev` makes it. If you expected one: go to its folder, or set DATABASE_URL."
        )
        return [Finding("database", Level.WARN, detail, remedy)]
    try:
        with unavailable_when_away(), misconfigured_when_refused():
            begun = time.perf_counter()
            async with patient.database.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
    except (AetherFlowError, SQLAlchemyError) as error:
        detail = f"does not answer: {say_cause(error)}"
        remedy = "Start it, or correct AETHERFLOW_DATABASE_URL."
        return [Finding("database", Level.FAIL, detail, remedy)]
    took_ms = (time.perf_counter() - begun) * 1000
    where = patient.address.path or "PostgreSQL"
    return [Finding("database", Level.OK, f"{where} answers, after {took_ms:.0f} ms")]


async def check_schema(patient: Patient) -> Sequence[Finding]:
    """Is the schema this version's?"""
    current, needed = await read_revision(patient), newest_revision()
    if current is None:
        return []
    if current == needed:
        return [Finding("schema", Level.OK, f"is at revision {current}, as this version needs it")]
    if current > needed:
        detail = f"is at revision {current}, and this version knows only {needed}"
        return [Finding("schema", Level.WARN, detail, "Install the version that migrated it.")]
    level = Level.WARN if patient.address.path else Level.FAIL
    detail = f"is at revision {current or 'none'} and must be at {needed}"
    return [
        Finding("schema", level, detail, "Run `aetherflow migrate`; `up` and `dev` do it at their start.")
    ]


async def check_keyring(patient: Patient) -> Sequence[Finding]:
    """Is there a keyring, and does it open everything?"""
    try:
        keyring = find_keyring(patient)
        if keyring is not None and await read_revision(patient):
            await require_keys(patient.database, keyring)
    except Misconfigured as error:
        return [Finding("keyring", Level.FAIL, error.detail, "Put the missing entries back.")]
    except AetherFlowError as error:
        return [Finding("keyring", Level.FAIL, error.detail, "Restore the database from a backup.")]
    except SQLAlchemyError as error:
        return [Finding("keyring", Level.FAIL, f"cannot be compared: {say_cause(error)}", "See the schema.")]
    if keyring is not None:
        return [Finding("keyring", Level.OK, "opens every secret in the database")]
    if patient.has_database:
        remedy = "Set AETHERFLOW_KEYRING to the one that sealed its secrets, or to `aetherflow keyring new`."
        return [Finding("keyring", Level.FAIL, "there is none", remedy)]
    return [Finding("keyring", Level.OK, "there is none yet; it is made together with the database")]


async def check_clock(patient: Patient) -> Sequence[Finding]:
    """Does this machine's clock agree with the database's, as leases need it?"""
    if patient.address.path is not None:
        return []
    try:
        with unavailable_when_away(), misconfigured_when_refused():
            async with patient.database.engine.connect() as connection:
                before = time.time()
                theirs: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
                after = time.time()
    except (AetherFlowError, SQLAlchemyError):
        return []
    # The database read its clock somewhere between the two.
    skew = max(before - theirs.timestamp(), theirs.timestamp() - after, 0.0)
    if skew < NOTICED_SKEW_SECONDS:
        return [Finding("clock", Level.OK, "agrees with the database's")]
    level = Level.FAIL if skew >= patient.settings.lease_seconds else Level.WARN
    detail = f"differs from the database's by {skew:.1f} s"
    return [Finding("clock", level, detail, "Let NTP set the clocks of all machines.")]


async def check_sqlite(patient: Patient) -> Sequence[Finding]:
    """Is the SQLite library good enough?"""
    if patient.address.path is None:
        return []
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        remedy = "Use a Python that is linked with SQLite 3.38 or later."
        return [Finding("sqlite", Level.FAIL, f"version {version} is too old", remedy)]
    if not has_repair(sqlite3.sqlite_version_info):
        detail = f"version {version} can, very rarely, damage a database that two processes write at once"
        remedy = "Update SQLite to 3.51.3 or later when your system has it; keep backups."
        return [Finding("sqlite", Level.WARN, detail, remedy)]
    return [Finding("sqlite", Level.OK, f"version {version}")]


async def check_folder(patient: Patient) -> Sequence[Finding]:
    """Is the data folder ours to write and nobody else's to read?"""
    if patient.address.path is None or not patient.address.path.parent.is_dir():
        return []
    folder = patient.address.path.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        remedy = "Run as its owner, or change its owner."
        return [Finding("folder", Level.FAIL, f"{folder} cannot be written by this user", remedy)]
    secret = [folder / name for name in ("keyring", KEY_FILE) if is_open_to_others(folder / name)]
    if secret:
        names = " ".join(map(str, secret))
        return [Finding("folder", Level.FAIL, f"others may read {names}", f"chmod 600 {names}")]
    if is_open_to_others(folder):
        return [Finding("folder", Level.WARN, f"others may look into {folder}", f"chmod 700 {folder}")]
    return [Finding("folder", Level.OK, f"{folder} is this user's alone")]


def has_repair(version: tuple[int, ...]) -> bool:
    """Whether a version of SQLite writes WAL files soundly."""
    newest, *series = FIXED_SQLITE
    return version >= newest or any(version[:2] == fixed[:2] and version >= fixed for fixed in series)


async def read_revision(patient: Patient) -> str | None:
    """Return the schema's revision, "" for a database without one; None when there is nothing to ask."""
    if not patient.has_database:
        return None
    try:
        return await current_revision(patient.database) or ""
    except (AetherFlowError, SQLAlchemyError):
        return None


def find_keyring(patient: Patient) -> Keyring | None:
    """Return the keyring of the settings or of the data folder, which is not made here.

    Raises:
        Misconfigured: it is malformed or cannot be read.
    """
    if patient.settings.keyring is not None:
        return Keyring.parse(patient.settings.keyring.get_secret_value(), chance=os.urandom)
    path = None if patient.address.path is None else patient.address.path.parent / "keyring"
    if path is None or not path.exists():
        return None
    return Keyring.parse(read_entries(path), chance=os.urandom)


def is_open_to_others(path: Path) -> bool:
    """Whether anybody but the owner has rights on a file or folder that exists."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    except OSError:
        return False


def say_cause(error: BaseException) -> str:
    """Return what the driver said, on one line."""
    cause = cause_of(error.__cause__ if isinstance(error, AetherFlowError) and error.__cause__ else error)
    return str(cause).strip().partition("\n")[0] or type(cause).__name__
