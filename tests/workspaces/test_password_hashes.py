import asyncio
import re

import pytest
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from app.wiring import Chance
from app.workspaces.passwords import hash_password
from tests.eventually import eventually


async def test_a_hash_is_of_the_password_and_says_how_it_was_made() -> None:
    kept = await hash_password("correct horse", chance=Chance())
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", kept)
    Argon2id.verify_phc_encoded(b"correct horse", kept)
    with pytest.raises(InvalidKey):
        Argon2id.verify_phc_encoded(b"correct horsf", kept)


async def test_the_salt_is_chance() -> None:
    fixed = Chance(take_bytes=bytes)
    first, again = [await hash_password("correct horse", chance=fixed) for _ in range(2)]
    other = await hash_password("correct horse", chance=Chance())
    assert first == again != other


async def test_the_loop_goes_on_while_passwords_are_hashed() -> None:
    turns = 0
    hashing = [asyncio.create_task(hash_password(f"password {n}", chance=Chance())) for n in range(4)]

    async def take_turns() -> None:
        nonlocal turns
        while not all(task.done() for task in hashing):
            turns += 1
            await asyncio.sleep(0)

    await take_turns()
    assert len({task.result() for task in hashing}) == 4
    # Were a hash made in the loop, it would end before the next turn.
    assert turns > 4


async def test_who_stops_waiting_holds_nobody_up() -> None:
    waiting = [asyncio.create_task(hash_password(f"password {n}", chance=Chance())) for n in range(20)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await eventually(lambda: all(task.done() for task in waiting), what="those who stopped are gone")
    assert await hash_password("correct horse", chance=Chance())
