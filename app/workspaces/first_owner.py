"""The first owner of the workspace `default`, whom the operator names in the settings."""

from app.errors import Misconfigured
from app.rules.emails import read_email
from app.rules.ids import make_id
from app.rules.passwords import check_password
from app.rules.roles import Role
from app.settings import PREFIX, Settings
from app.store.database import Tx
from app.store.models import Member
from app.wiring import Wiring
from app.workspaces import members
from app.workspaces.passwords import hash_password

EMAIL = f"{PREFIX}BOOTSTRAP_EMAIL"
PASSWORD = f"{PREFIX}BOOTSTRAP_PASSWORD"


async def ensure_first_owner(wiring: Wiring, *, workspace_id: str) -> None:
    """Make the owner of the settings, if there is one and no member has the address.

    A member who is there stays as they are, with their role and password.

    Raises:
        Misconfigured: the address or the password cannot be one, or one of the two is missing.
    """
    credentials = read_credentials(wiring.settings)
    if credentials is None:
        return
    email, password = credentials
    async with wiring.database.read() as tx:
        if await _is_member(tx, workspace_id, email):
            return
    new = members.NewMember(
        id=make_id("usr", wiring.chance.uuid7()),
        email=email,
        name=email.partition("@")[0],
        role=Role.OWNER,
        password_hash=await hash_password(password, chance=wiring.chance),
    )
    async with wiring.database.write() as tx:
        # Another server may have started at the same time.
        await members.lock_addresses(tx, workspace_id)
        if not await _is_member(tx, workspace_id, email):
            await members.add(tx, new, workspace_id=workspace_id, wiring=wiring)


def read_credentials(settings: Settings) -> tuple[str, str] | None:
    """Return the address and the password of the settings, or None where there are none.

    Raises:
        Misconfigured: as `ensure_first_owner`.
    """
    if settings.bootstrap_email is None and settings.bootstrap_password is None:
        return None
    if settings.bootstrap_email is None or settings.bootstrap_password is None:
        raise Misconfigured(f"{EMAIL} and {PASSWORD}: set both, or neither.")
    try:
        email = read_email(settings.bootstrap_email)
    except ValueError as error:
        raise Misconfigured(f"{EMAIL}: {error}.") from None
    try:
        return email, check_password(settings.bootstrap_password.get_secret_value())
    except ValueError as error:
        raise Misconfigured(f"{PASSWORD}: {error}.") from None


async def _is_member(tx: Tx, workspace_id: str, email: str) -> bool:
    return await tx.scalar(members.select_of(workspace_id).where(Member.email == email)) is not None
