"""Secrets at rest: sealed with AES-256-GCM under the keyring of the operator.

1. A sealed value is `version (1 byte) | length of the key id (1) | key id | nonce (12) | ciphertext
   and tag`. The id says which key opens it, so the ring can hold several: the first one seals, the
   others open what was sealed before and can go once everything is rewrapped.
2. The tag also covers everything before the nonce and a context that names workspace, row and
   purpose. A value that somebody copies into another row, or relabels, does not open.
3. Nonces are random. With 12 bytes a key may seal 2^32 values (NIST SP 800-38D, section 8.3), more
   than an installation will ever hold secrets.

No key appears in a repr, a message or a pickle.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import InternalError, Misconfigured

KEY_BYTES = 32  # AES-256

_SETTING = "AETHERFLOW_KEYRING"
# Shorter than the base64 of a key, so that a key put in the place of its id is no id and never shown.
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_VERSION = 1
_NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1: the length that GCM is made for.
_TAG_BYTES = 16


class Keyring:
    """Keys by their ids, of which the first one seals."""

    __slots__ = ("_chance", "_ciphers", "_sealing_id")

    def __init__(self, keys: Mapping[str, bytes], *, chance: Callable[[int], bytes]) -> None:
        """From at least one key of `KEY_BYTES` bytes, the sealing one first.

        `chance` gives as many unpredictable bytes as it is asked for, as `os.urandom` does.
        """
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._sealing_id = next(iter(keys))
        self._chance = chance

    @classmethod
    def parse(cls, text: str, *, chance: Callable[[int], bytes]) -> Self:
        """Read `id:base64[,id:base64...]`; spaces and line ends around an entry do not matter.

        Raises `Misconfigured`, which tells the position of the entry that is wrong but none of its text.
        """
        keys: dict[str, bytes] = {}
        for position, entry in enumerate(text.split(","), start=1):
            key_id, key = _parse_entry(entry.strip(), position=position)
            if key_id in keys:
                raise Misconfigured(f"{_SETTING}: entry {position} has the id of an earlier one.")
            keys[key_id] = key
        return cls(keys, chance=chance)

    def seal(self, plain: bytes, *, context: str | bytes) -> bytes:
        """Encrypt for the place that `context` names; see `seal_context`."""
        nonce = self._chance(_NONCE_BYTES)
        if len(nonce) != _NONCE_BYTES:
            raise InternalError("The source of chance gave a nonce of the wrong length.")
        header = _header(self._sealing_id)
        cipher = self._ciphers[self._sealing_id]
        return header + nonce + cipher.encrypt(nonce, plain, _associated_data(header, context))

    def open(self, sealed: bytes, *, context: str | bytes) -> bytes:
        """Decrypt what was sealed for the same context.

        Raises `Misconfigured` when the ring lacks the key, and `InternalError` for anything else that
        does not open: changed, cut short, from another place, or sealed under another key of that id.
        """
        key_id = key_id_of(sealed)
        self.require([key_id])
        header = _header(key_id)
        end_of_nonce = len(header) + _NONCE_BYTES
        nonce, ciphertext = sealed[len(header) : end_of_nonce], sealed[end_of_nonce:]
        try:
            return self._ciphers[key_id].decrypt(nonce, ciphertext, _associated_data(header, context))
        except InvalidTag:
            raise InternalError(
                f"A sealed value does not open with the key {key_id} of {_SETTING}: "
                "it was changed, it belongs to another row, or the key is not the one that sealed it."
            ) from None

    def needs_rewrap(self, sealed: bytes) -> bool:
        """Whether another key than the one that seals now sealed this value."""
        return key_id_of(sealed) != self._sealing_id

    def require(self, key_ids: Iterable[str]) -> None:
        """Raise `Misconfigured` naming those of the ids that the ring lacks."""
        missing = sorted(set(key_ids) - self._ciphers.keys())
        if missing:
            raise Misconfigured(
                f"{_SETTING} lacks {', '.join(missing)}: values in the database are sealed with it. "
                "Put the entry back, behind the one that shall seal."
            )

    def __repr__(self) -> str:
        return f"Keyring(sealing={self._sealing_id!r}, ids={list(self._ciphers)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring must not be pickled or copied: its keys would travel along")


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that sealed the value. Raises `InternalError` if it is no sealed value."""
    if len(sealed) < 2 or sealed[0] != _VERSION:
        raise InternalError("A sealed value is malformed.")
    end = 2 + sealed[1]
    key_id = sealed[2:end].decode("latin-1")
    if _KEY_ID.fullmatch(key_id) is None or len(sealed) < end + _NONCE_BYTES + _TAG_BYTES:
        raise InternalError("A sealed value is malformed.")
    return key_id


def seal_context(workspace_id: str, row_id: str, purpose: str) -> bytes:
    """Name the one place that a value may be opened in. Other arguments never give the same bytes."""
    parts = [part.encode() for part in (workspace_id, row_id, purpose)]
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def new_entry(random_bytes: bytes, key_id: str) -> str:
    """Write an entry of the keyring out of `KEY_BYTES` bytes of chance."""
    if len(random_bytes) != KEY_BYTES or _KEY_ID.fullmatch(key_id) is None:
        raise InternalError(
            f"A keyring entry takes {KEY_BYTES} random bytes and an id of [A-Za-z0-9_-]{{1,32}}."
        )
    return f"{key_id}:{base64.b64encode(random_bytes).decode()}"


def _parse_entry(entry: str, *, position: int) -> tuple[str, bytes]:
    key_id, colon, encoded = entry.partition(":")
    if not colon or _KEY_ID.fullmatch(key_id) is None:
        raise Misconfigured(
            f"{_SETTING}: entry {position} must start with an id of [A-Za-z0-9_-]{{1,32}} and a colon."
        )
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise Misconfigured(
            f"{_SETTING}: entry {position} must have the base64 of {KEY_BYTES} bytes behind the colon."
        )
    return key_id, key


def _header(key_id: str) -> bytes:
    encoded = key_id.encode("ascii")
    return bytes([_VERSION, len(encoded)]) + encoded


def _associated_data(header: bytes, context: str | bytes) -> bytes:
    return header + (context.encode() if isinstance(context, str) else context)
