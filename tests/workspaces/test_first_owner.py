"""The first owner: made at the start that finds nobody with the address, and never touched again."""

import asyncio

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy import select

from app.cli.serving.parts import prepare
from app.queue import LocalQueue
from app.rules.roles import Actor, Role
from app.store.models import Member
from app.wiring import Wiring
from app.workspaces import members
from tests.outbound.sites import new_wiring

GIVEN = {"bootstrap_email": "ada@example.com", "bootstrap_password": "correct horse"}
ANYBODY = Actor("key_1", "anybody", Role.OWNER)


async def rows(wiring: Wiring) -> list[Member]:
    async with wiring.database.read() as tx:
        return list(await tx.scalars(select(Member)))


async def start(database_url: str, **settings: str) -> Wiring:
    """Prepare as a starting server does."""
    wiring = new_wiring(database_url, LocalQueue(), **settings)
    await wiring.database.open()
    try:
        await prepare(wiring)
    except BaseException:
        await wiring.database.close()
        raise
    return wiring


async def test_the_owner_is_made_once_and_another_password_later_changes_nothing(database_url: str) -> None:
    first = await start(database_url, **GIVEN)
    (made,) = await rows(first)
    assert (made.email, made.role) == ("ada@example.com", "owner")
    Argon2id.verify_phc_encoded(b"correct horse", made.password_hash)
    second = await start(
        database_url, bootstrap_email="ADA@example.com", bootstrap_password="another password"
    )
    (kept,) = await rows(second)
    assert (kept.id, kept.password_hash) == (made.id, made.password_hash)
    for wiring in (first, second):
        await wiring.database.close()


async def test_a_member_who_is_no_owner_any_more_stays_what_they_are(database_url: str) -> None:
    wiring = await start(database_url, **GIVEN)
    (ada,) = await rows(wiring)
    bob = members.NewMember("usr_" + "0" * 32, "bob@example.com", "Bob", Role.OWNER, "none")
    async with wiring.database.write() as tx:
        await members.add(tx, bob, workspace_id=ada.workspace_id, wiring=wiring)
        await members.change_role(
            tx, ada.id, Role.VIEWER, workspace_id=ada.workspace_id, by=ANYBODY, wiring=wiring
        )
    await prepare(wiring)
    assert {one.email: one.role for one in await rows(wiring)} == {
        "ada@example.com": "viewer",
        "bob@example.com": "owner",
    }
    await wiring.database.close()


async def test_servers_that_start_at_once_make_one_owner(database_url: str) -> None:
    # The workspace itself has to be there.
    wirings = [await start(database_url)]
    assert await rows(wirings[0]) == []
    wirings += await asyncio.gather(*(start(database_url, **GIVEN) for _ in range(4)))
    assert len(await rows(wirings[0])) == 1
    for wiring in wirings:
        await wiring.database.close()
