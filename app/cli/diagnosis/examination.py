"""`doctor`: is the installation as it should be? Nothing is changed or made by looking."""

from collections.abc import Awaitable, Callable, Sequence

from app.cli.diagnosis import network, storage
from app.cli.diagnosis.findings import Finding, Level, Patient
from app.errors import Misconfigured
from app.queue import LocalQueue
from app.settings import read_settings
from app.store.address import Address
from app.store.database import Database

Check = Callable[[Patient], Awaitable[Sequence[Finding]]]

# In the order in which a person would look. A check finds nothing where it does not apply.
CHECKS: tuple[Check, ...] = (
    storage.check_database,
    storage.check_schema,
    storage.check_keyring,
    storage.check_clock,
    storage.check_sqlite,
    storage.check_folder,
    network.check_redis,
    network.check_port,
    network.check_public_url,
    network.check_egress,
)


async def examine() -> list[Finding]:
    """Return what every check found."""
    try:
        settings = read_settings()
        address = Address.parse(settings.database_url.get_secret_value())
    except Misconfigured as error:
        return [Finding("settings", Level.FAIL, error.detail, "Correct or unset what is named.")]
    findings = [Finding("settings", Level.OK, "all can be read; `aetherflow config` shows them")]
    database = Database(address, LocalQueue())
    try:
        for check in CHECKS:
            findings += await check(Patient(settings, address, database))
    finally:
        await database.engine.dispose()
    return findings
