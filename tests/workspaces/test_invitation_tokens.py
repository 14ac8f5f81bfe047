import base64
import os
import string
from datetime import UTC, datetime

import pytest

from app.store.sealing import Keyring
from app.workspaces.invitation_tokens import PREFIX, OpenedToken, digest_token, make_token, open_token

ID = "inv_0198c7b41fd27a8d90e3b6c52d7f4a18"
END = datetime(2026, 2, 7, 9, 30, 0, 123456, tzinfo=UTC)
OLD, NEW = {"k1": bytes(32)}, {"k2": bytes(range(32))}


def ring(*keys: dict[str, bytes]) -> Keyring:
    return Keyring({key_id: key for ring in keys for key_id, key in ring.items()}, chance=os.urandom)


def token_of(keyring: Keyring) -> str:
    return make_token(ID, END, secret=os.urandom(32), keyring=keyring)


def test_a_token_says_which_invitation_it_is_for_and_until_when() -> None:
    keyring = ring(OLD)
    assert open_token(token_of(keyring), keyring=keyring) == OpenedToken(ID, END)


def test_a_token_goes_through_a_path_as_it_is() -> None:
    token = token_of(ring(OLD))
    assert set(token) <= set(string.ascii_letters + string.digits + "_-")
    assert token.startswith(PREFIX)


def test_tokens_of_one_invitation_differ() -> None:
    keyring = ring(OLD)
    tokens = {token_of(keyring) for _ in range(10)}
    assert len(tokens) == len({digest_token(token) for token in tokens}) == 10


def test_no_bit_that_a_token_stands_for_can_be_changed() -> None:
    keyring = ring(OLD)
    encoded = token_of(keyring).removeprefix(PREFIX)
    sealed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        again = PREFIX + base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert open_token(again, keyring=keyring) is None, bit


def test_another_spelling_of_a_token_is_another_token() -> None:
    """The last character has bits that stand for nothing, and padding says nothing either."""
    keyring = ring(OLD)
    token = token_of(keyring)
    for other in (token[:-1] + character for character in string.ascii_letters + string.digits + "_-"):
        if other != token:
            assert open_token(other, keyring=keyring) is None or digest_token(other) != digest_token(token)


def test_a_token_outlives_a_rotation_of_the_keyring_as_long_as_the_old_key_is_in_it() -> None:
    token = token_of(ring(OLD))
    assert open_token(token, keyring=ring(NEW, OLD)) == OpenedToken(ID, END)
    assert open_token(token, keyring=ring(NEW)) is None


def test_a_token_of_another_installation_is_none() -> None:
    token = token_of(ring({"k1": bytes(31) + b"\1"}))
    assert open_token(token, keyring=ring(OLD)) is None


@pytest.mark.parametrize("context", ["", "invitation token", "\0\0\0\0"])
def test_what_is_sealed_for_something_else_is_no_token(context: str) -> None:
    keyring = ring(OLD)
    sealed = keyring.seal(bytes(56), context=context)
    token = PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    assert open_token(token, keyring=keyring) is None


@pytest.mark.parametrize(
    "text", ["", PREFIX, "x", "A" * 100, "é", "\ud800", "\0", "=", PREFIX + "=" * 9, "A" * 100_000]
)
def test_garbage_is_no_token_for_the_reader(text: str) -> None:
    assert open_token(text, keyring=ring(OLD)) is None
