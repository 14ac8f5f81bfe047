"""Sealed secrets: what opens, and everything that must not."""

import base64
import copy
import os
import pickle
import traceback
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import InternalError, Misconfigured
from app.store.sealing import Keyring, key_id_of, new_entry, seal_context

KEY_A, KEY_B = bytes(range(32)), bytes(range(100, 132))
ENTRY_A, ENTRY_B = new_entry(KEY_A, "a-2025"), new_entry(KEY_B, "b_2026")
CONTEXT = seal_context("ws_1", "sec_1", "signing secret")

key_ids = st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True)
keys = st.binary(min_size=32, max_size=32)
texts = st.text(st.characters(codec="utf-8"), max_size=30)


def ring(text: str, chance: Callable[[int], bytes] = os.urandom) -> Keyring:
    return Keyring.parse(text, chance=chance)


@given(key=keys, key_id=key_ids, plain=st.binary(max_size=200), context=st.binary(max_size=50))
def test_what_is_sealed_opens_again_in_the_same_context(
    key: bytes, key_id: str, plain: bytes, context: bytes
) -> None:
    keyring = ring(new_entry(key, key_id))
    sealed = keyring.seal(plain, context=context)
    assert key_id_of(sealed) == key_id
    assert keyring.open(sealed, context=context) == plain


def test_a_context_may_be_text_which_means_its_utf_8_bytes() -> None:
    sealed = ring(ENTRY_A).seal(b"plain", context="ws_1/é")
    assert ring(ENTRY_A).open(sealed, context="ws_1/é".encode()) == b"plain"


def test_a_sealed_value_has_the_documented_form_so_that_other_programs_can_open_it() -> None:
    nonce = b"N" * 12
    sealed = ring(ENTRY_A, lambda count: nonce[:count]).seal(b"plain", context=b"context")
    header = b"\x01\x06a-2025"
    assert sealed == header + nonce + AESGCM(KEY_A).encrypt(nonce, b"plain", header + b"context")


def test_the_same_secret_sealed_twice_looks_different() -> None:
    keyring = ring(ENTRY_A)
    assert keyring.seal(b"plain", context=CONTEXT) != keyring.seal(b"plain", context=CONTEXT)


@pytest.mark.parametrize("count", [0, 11, 13])
def test_a_nonce_of_another_length_is_never_used(count: int) -> None:
    with pytest.raises(InternalError):
        ring(ENTRY_A, lambda _: bytes(count)).seal(b"plain", context=CONTEXT)


@pytest.mark.parametrize(
    "elsewhere",
    [
        seal_context("ws_2", "sec_1", "signing secret"),
        seal_context("ws_1", "sec_2", "signing secret"),
        seal_context("ws_1", "sec_1", "headers"),
        b"",
        CONTEXT + b"\0",
    ],
    ids=["other workspace", "other row", "other purpose", "no context", "longer context"],
)
def test_a_value_copied_to_another_place_does_not_open(elsewhere: bytes) -> None:
    keyring = ring(ENTRY_A)
    with pytest.raises(InternalError):
        keyring.open(keyring.seal(b"plain", context=CONTEXT), context=elsewhere)


@given(first=st.tuples(texts, texts, texts), second=st.tuples(texts, texts, texts))
def test_different_places_never_share_a_context(
    first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    assume(first != second)
    assert seal_context(*first) != seal_context(*second)


@given(parts=st.tuples(texts, texts, texts), cut=st.integers(0, 60))
def test_moving_the_border_between_two_parts_changes_the_context(
    parts: tuple[str, str, str], cut: int
) -> None:
    workspace_id, row_id, purpose = parts
    joined = workspace_id + row_id
    moved = (joined[:cut], joined[cut:], purpose)
    assume(moved != parts)
    assert seal_context(*moved) != seal_context(*parts)


@given(plain=st.binary(max_size=40), data=st.data())
def test_one_flipped_bit_anywhere_keeps_a_value_shut(plain: bytes, data: st.DataObject) -> None:
    keyring = ring(f"{ENTRY_A},{ENTRY_B}")
    sealed = bytearray(keyring.seal(plain, context=CONTEXT))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((InternalError, Misconfigured)):
        keyring.open(bytes(sealed), context=CONTEXT)


def test_a_value_cut_short_or_grown_at_any_length_stays_shut() -> None:
    keyring = ring(ENTRY_A)
    sealed = keyring.seal(b"plain", context=CONTEXT)
    for damaged in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0", sealed + sealed]:
        with pytest.raises(InternalError):
            keyring.open(damaged, context=CONTEXT)


@given(st.binary(max_size=120) | st.binary(max_size=60).map(lambda rest: b"\x01\x06a-2025" + rest))
def test_bytes_that_were_never_sealed_do_not_open_and_nothing_else_goes_wrong(garbage: bytes) -> None:
    with pytest.raises((InternalError, Misconfigured)):
        ring(ENTRY_A).open(garbage, context=CONTEXT)


def test_relabelling_a_value_with_another_key_of_the_ring_does_not_open_it() -> None:
    both_ids_one_key = ring(f"{new_entry(KEY_A, 'k1')},{new_entry(KEY_A, 'k2')}")
    sealed = both_ids_one_key.seal(b"plain", context=CONTEXT)
    with pytest.raises(InternalError):
        both_ids_one_key.open(sealed.replace(b"k1", b"k2", 1), context=CONTEXT)


def test_another_key_under_the_same_id_does_not_open_and_the_error_names_the_id() -> None:
    sealed = ring(ENTRY_A).seal(b"plain", context=CONTEXT)
    with pytest.raises(InternalError, match="a-2025"):
        ring(new_entry(KEY_B, "a-2025")).open(sealed, context=CONTEXT)


def test_a_key_that_the_ring_lacks_is_a_configuration_error_that_names_it() -> None:
    sealed = ring(ENTRY_A).seal(b"plain", context=CONTEXT)
    with pytest.raises(Misconfigured, match="AETHERFLOW_KEYRING lacks a-2025"):
        ring(ENTRY_B).open(sealed, context=CONTEXT)


def test_requiring_ids_names_all_that_are_missing_and_none_that_are_there() -> None:
    keyring = ring(f"{ENTRY_A},{ENTRY_B}")
    keyring.require(["a-2025", "b_2026", "a-2025"])
    keyring.require([])
    with pytest.raises(Misconfigured) as caught:
        keyring.require(["k9", "a-2025", "k3", "k9"])
    assert "lacks k3, k9:" in caught.value.detail
    assert "a-2025" not in caught.value.detail


def test_the_first_entry_seals_and_the_others_open_until_everything_is_rewrapped() -> None:
    before, during, after = ring(ENTRY_A), ring(f"{ENTRY_B},{ENTRY_A}"), ring(ENTRY_B)
    old = before.seal(b"plain", context=CONTEXT)
    assert not before.needs_rewrap(old)
    assert during.needs_rewrap(old)
    rewrapped = during.seal(during.open(old, context=CONTEXT), context=CONTEXT)
    assert not during.needs_rewrap(rewrapped)
    assert after.open(rewrapped, context=CONTEXT) == b"plain"


def test_spaces_and_line_ends_around_entries_do_not_matter() -> None:
    sealed = ring(f"{ENTRY_A},{ENTRY_B}").seal(b"plain", context=CONTEXT)
    assert ring(f" {ENTRY_A} ,\n {ENTRY_B}\n").open(sealed, context=CONTEXT) == b"plain"


SECRET_PART = base64.b64encode(KEY_A).decode()


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1),
        (" ", 1),
        (SECRET_PART, 1),
        (SECRET_PART.rstrip("="), 1),
        (f":{SECRET_PART}", 1),
        (f"{SECRET_PART}:a", 1),
        (f"{SECRET_PART.rstrip('=')}:a", 1),
        (f"a b:{SECRET_PART}", 1),
        (f"é:{SECRET_PART}", 1),
        (f"{'a' * 33}:{SECRET_PART}", 1),
        ("a:", 1),
        (f"a:{SECRET_PART.rstrip('=')}", 1),
        (f"a:{SECRET_PART[4:]}", 1),
        (f"a:{SECRET_PART}{SECRET_PART}", 1),
        (f"a:b:{SECRET_PART}", 1),
        (f"a:é{SECRET_PART}", 1),
        (f"a:{SECRET_PART[:20]} {SECRET_PART[20:]}", 1),
        (f"a:{SECRET_PART},", 2),
        (f"a:{SECRET_PART},,b:{SECRET_PART}", 2),
        (f"a:{SECRET_PART};b:{SECRET_PART}", 1),
        (f"a:{SECRET_PART},b:{SECRET_PART},a:{SECRET_PART}", 3),
    ],
)
def test_a_malformed_ring_names_the_setting_and_the_entry_and_nothing_of_its_text(
    text: str, position: int
) -> None:
    with pytest.raises(Misconfigured) as caught:
        ring(text)
    told = "".join(traceback.format_exception(caught.value, limit=0))
    assert f"AETHERFLOW_KEYRING: entry {position} " in told
    for piece in (SECRET_PART[start : start + 8] for start in range(0, 40, 8)):
        assert piece not in told


@pytest.mark.parametrize(
    ("random_bytes", "key_id"), [(bytes(31), "a"), (bytes(33), "a"), (bytes(32), ""), (bytes(32), "a:b")]
)
def test_an_entry_that_could_not_be_read_back_is_not_written(random_bytes: bytes, key_id: str) -> None:
    with pytest.raises(InternalError):
        new_entry(random_bytes, key_id)


def test_a_keyring_shows_its_ids_and_no_key() -> None:
    keyring = ring(f"{ENTRY_B},{ENTRY_A}")
    assert repr(keyring) == str(keyring) == "Keyring(sealing='b_2026', ids=['b_2026', 'a-2025'])"
    assert not hasattr(keyring, "__dict__")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_keyring_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(ring(ENTRY_A), protocol)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_keyring_is_not_copied(duplicate: Callable[[Keyring], Keyring]) -> None:
    with pytest.raises(TypeError, match="copied"):
        duplicate(ring(ENTRY_A))


def test_an_error_about_a_sealed_value_shows_neither_the_secret_nor_its_cipher() -> None:
    sealed = ring(ENTRY_A).seal(b"plain secret", context=CONTEXT)
    with pytest.raises(InternalError) as caught:
        ring(ENTRY_A).open(sealed, context=b"elsewhere")
    told = "".join(traceback.format_exception(caught.value))
    assert "plain secret" not in told
    assert repr(sealed[-16:])[2:-1] not in told
