"""The schema's history: is the database up to date, and bring it there.

Files of `alembic/versions` are called `YYYY_MM_DD_NNNN_topic.py` and their revision is NNNN, so the newest
revision is known from the names and a start need not import alembic when there is nothing to do.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

import app
from app.errors import SchemaBehind
from app.store.database import Database, misconfigured_when_refused, unavailable_when_away


def migrations_folder() -> Path:
    """Return where the migrations are: beside the package in a checkout, inside it when installed."""
    package = Path(app.__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "alembic"


def newest_revision() -> str:
    """Return the revision that this code needs."""
    return max(path.name.split("_")[3] for path in (migrations_folder() / "versions").glob("*_*.py"))


async def current_revision(database: Database) -> str | None:
    """Return the database's revision, or None when it is empty.

    Raises:
        Misconfigured: the database refuses us, or is none.
        Unavailable: the database is away.
    """
    with unavailable_when_away(), misconfigured_when_refused():
        async with database.engine.connect() as connection:
            return await connection.run_sync(read_revision)


def read_revision(connection: Connection) -> str | None:
    """Return the revision that the version table holds."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


async def require_schema(database: Database) -> None:
    """Make sure that the schema is this code's, or newer: a roll-out migrates first.

    Raises:
        SchemaBehind: it is not.
        Unavailable: the database is away.
    """
    current = await current_revision(database)
    if current is None or current < newest_revision():
        raise SchemaBehind(
            f"The database is at revision {current or 'none'} and this version needs {newest_revision()}: "
            "run `aetherflow migrate` first."
        )


async def migrate(database: Database) -> list[str]:
    """Bring the schema forward and return the revisions that were run, oldest first.

    Raises:
        Unavailable: the database is away.
    """
    before = await current_revision(database)
    if before is not None and before >= newest_revision():
        return []
    with unavailable_when_away():
        # On SQLite this waits for whoever migrates at the same time.
        async with database.engine.execution_options(immediate=True).begin() as connection:
            return await connection.run_sync(run_migrations)


def run_migrations(connection: Connection) -> list[str]:
    """Run what is missing in one transaction."""
    # Alembic takes a quarter of a second to import, and most starts do not need it.
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    if connection.dialect.name == "postgresql":
        # Two processes that migrate at once take turns; a statement that cannot get its table lock gives up.
        connection.execute(text("SELECT pg_advisory_xact_lock(6301417)"))
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
    before = read_revision(connection)
    command.upgrade(config, "head")
    script = ScriptDirectory.from_config(config)
    return [
        s.revision for s in reversed(list(script.walk_revisions())) if before is None or s.revision > before
    ]
