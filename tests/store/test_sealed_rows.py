"""All sealed values of a database: the keys that they need, and sealing them again."""

import secrets

import pytest
from sqlalchemy import select

from app.errors import InternalError, Misconfigured
from app.outbound.sealed import open_headers, open_secret, seal_headers, seal_secret
from app.rules.ids import make_id
from app.store import sealed_rows
from app.store.database import Database
from app.store.models import Endpoint, EndpointSecret
from app.store.sealed_rows import require_keys, rewrap
from app.store.sealing import Keyring, key_id_of
from app.wiring import Chance
from tests.store.rows import START, add_endpoint, add_workspace

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)


def ring(**keys: bytes) -> Keyring:
    return Keyring(keys, chance=secrets.token_bytes)


@pytest.fixture
async def workspace_id(database: Database) -> str:
    return await add_workspace(database)


async def add_sealed(database: Database, workspace_id: str, keyring: Keyring, number: int) -> list[str]:
    """Write endpoints with headers and a secret of both kinds each."""
    endpoint_ids = []
    for place in range(number):
        endpoint_id = await add_endpoint(database, workspace_id)
        endpoint_ids.append(endpoint_id)
        secret_id = make_id("sec", Chance().uuid7())
        sealed, pair = seal_secret(
            keyring,
            workspace_id=workspace_id,
            secret_id=secret_id,
            secret=f"whsec_{place}",
            ed25519=f"whsk_{place}",
        )
        async with database.write() as tx:
            (await tx.get_one(Endpoint, endpoint_id)).sealed_headers = seal_headers(
                keyring, workspace_id=workspace_id, endpoint_id=endpoint_id, headers={"X-Place": str(place)}
            )
            tx.add(
                EndpointSecret(
                    id=secret_id,
                    workspace_id=workspace_id,
                    endpoint_id=endpoint_id,
                    sealed_secret=sealed,
                    sealed_ed25519=pair,
                    created_at=START,
                )
            )
    return endpoint_ids


async def open_everything(database: Database, keyring: Keyring) -> list[object]:
    async with database.read() as tx:
        endpoints = await tx.scalars(select(Endpoint).order_by(Endpoint.id))
        found: list[object] = [open_headers(keyring, endpoint) for endpoint in endpoints]
        rows = await tx.scalars(select(EndpointSecret).order_by(EndpointSecret.id))
        return [*found, *(open_secret(keyring, row) for row in rows)]


async def key_ids(database: Database) -> set[str]:
    async with database.read() as tx:
        return {key_id async for key_id in sealed_rows.key_ids(tx)}


async def test_an_empty_database_needs_no_key(database: Database) -> None:
    await require_keys(database, ring(other=NEW))
    assert await rewrap(database, ring(other=NEW)) == 0


async def test_every_key_that_sealed_something_is_required(database: Database, workspace_id: str) -> None:
    await add_sealed(database, workspace_id, ring(old=OLD), 1)
    await add_sealed(database, workspace_id, ring(new=NEW), 1)
    await require_keys(database, ring(new=NEW, old=OLD))
    with pytest.raises(Misconfigured, match="lacks old"):
        await require_keys(database, ring(new=NEW))
    with pytest.raises(Misconfigured, match="lacks new"):
        await require_keys(database, ring(old=OLD))


@pytest.mark.parametrize("column", ["sealed_headers", "sealed_secret", "sealed_ed25519"])
async def test_a_key_is_required_wherever_its_only_value_is(
    database: Database, workspace_id: str, column: str
) -> None:
    await add_sealed(database, workspace_id, ring(new=NEW), 2)
    table = Endpoint if column == "sealed_headers" else EndpointSecret
    async with database.write() as tx:
        row = (await tx.scalars(select(table).limit(1))).one()
        setattr(row, column, ring(old=OLD).seal(b"x", context=b""))
    with pytest.raises(Misconfigured, match="lacks old"):
        await require_keys(database, ring(new=NEW))


async def test_rewrapping_seals_everything_under_the_first_key(database: Database, workspace_id: str) -> None:
    await add_sealed(database, workspace_id, ring(old=OLD), 3)
    before = await open_everything(database, ring(old=OLD))
    assert await rewrap(database, ring(new=NEW, old=OLD)) == 9
    assert await key_ids(database) == {"new"}
    await require_keys(database, ring(new=NEW))
    assert await open_everything(database, ring(new=NEW)) == before


async def test_rewrapping_leaves_alone_what_the_first_key_sealed(
    database: Database, workspace_id: str
) -> None:
    await add_sealed(database, workspace_id, ring(old=OLD), 1)
    await add_sealed(database, workspace_id, ring(new=NEW), 2)
    async with database.read() as tx:
        before = set(await tx.scalars(select(EndpointSecret.sealed_secret)))
    assert await rewrap(database, ring(new=NEW, old=OLD)) == 3
    async with database.read() as tx:
        after = set(await tx.scalars(select(EndpointSecret.sealed_secret)))
    assert len(before & after) == 2
    assert await rewrap(database, ring(new=NEW, old=OLD)) == 0


async def test_rewrapping_goes_on_where_it_was_stopped(
    database: Database, workspace_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops at a value that does not open, in the middle; once that is repaired the rest follows."""
    monkeypatch.setattr(sealed_rows, "BATCH_ROWS", 3)
    endpoint_ids = await add_sealed(database, workspace_id, ring(old=OLD), 10)
    before = await open_everything(database, ring(old=OLD))
    async with database.write() as tx:
        broken = await tx.get_one(Endpoint, sorted(endpoint_ids)[7])
        whole = broken.sealed_headers
        assert whole is not None
        broken.sealed_headers = whole[:-1] + bytes([whole[-1] ^ 1])
    with pytest.raises(InternalError):
        await rewrap(database, ring(new=NEW, old=OLD))
    async with database.read() as tx:
        sealed = list(await tx.scalars(select(Endpoint.sealed_headers).order_by(Endpoint.id)))
    # The batch with the broken value is as it was; those before it are done.
    assert [key_id_of(value) for value in sealed if value] == ["new"] * 6 + ["old"] * 4
    async with database.write() as tx:
        (await tx.get_one(Endpoint, sorted(endpoint_ids)[7])).sealed_headers = whole
    assert await rewrap(database, ring(new=NEW, old=OLD)) == 4
    assert await key_ids(database) == {"new"}
    assert await open_everything(database, ring(new=NEW)) == before


async def test_a_value_whose_key_is_missing_stops_the_rewrapping_and_names_the_key(
    database: Database, workspace_id: str
) -> None:
    await add_sealed(database, workspace_id, ring(old=OLD), 1)
    with pytest.raises(Misconfigured, match="lacks old"):
        await rewrap(database, ring(new=NEW))
    assert await key_ids(database) == {"old"}
