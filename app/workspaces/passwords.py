"""Hashes of passwords: argon2id (RFC 9106), as PHC strings that say how they were made."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from app.wiring import Chance

# The second choice of OWASP's Password Storage Cheat Sheet: as hard to guess as the 64 MiB of RFC 9106 section 4 for
# whom it matters, and cheap enough in memory for a service that does other things too.
MEMORY_KIB = 19_456
ITERATIONS = 2
LANES = 1

# RFC 9106 section 4: "128-bit salt, 256-bit tag".
SALT_BYTES = 16
TAG_BYTES = 32

# A hash holds a processor and 19 MiB for some 30 ms. Two at once leave room for everything else; more wait here.
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="passwords")


async def hash_password(password: str, *, chance: Chance) -> str:
    """Return what is kept of a password. No transaction may be open: it takes a while, and may have to wait."""
    # Keyboards write the same letters in different code points (NIST SP 800-63B, section 5.1.1.2).
    material = unicodedata.normalize("NFKC", password).encode()
    salt = chance.take_bytes(SALT_BYTES)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _derive, material, salt)


def _derive(material: bytes, salt: bytes) -> str:
    algorithm = Argon2id(
        salt=salt, length=TAG_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return algorithm.derive_phc_encoded(material)
