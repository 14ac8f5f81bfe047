"""Identifiers."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.ids import PREFIXES, IdPrefix, is_event_id, make_id

UUID7 = UUID("01932c07-209c-7ef5-a1b3-3f2d0c9a5e11")


def test_every_kind_of_thing_has_its_prefix() -> None:
    expected = "ws usr inv key evt ep sec dlv att rpl wf dep trg req ses sub sig var int ntc"
    assert " ".join(PREFIXES) == expected
    assert len(set(PREFIXES)) == len(PREFIXES)


def test_bytes_and_hex_digits_make_the_same_id() -> None:
    assert make_id("evt", UUID7.bytes) == "evt_01932c07209c7ef5a1b33f2d0c9a5e11"
    assert make_id("evt", UUID7.hex.upper()) == "evt_01932c07209c7ef5a1b33f2d0c9a5e11"


@pytest.mark.parametrize("uuid", [str(UUID7), b"", b"x" * 15, b"x" * 17, ""])
def test_anything_of_another_length_is_no_uuid(uuid: bytes | str) -> None:
    with pytest.raises(ValueError, match="32 hex digits"):
        make_id("evt", uuid)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_ids_sort_as_their_uuids_do(one: bytes, other: bytes) -> None:
    assert (make_id("dlv", one) < make_id("dlv", other)) == (one < other)


@given(st.sampled_from(PREFIXES), st.binary(min_size=16, max_size=16))
def test_every_id_could_name_an_event(prefix: IdPrefix, uuid: bytes) -> None:
    assert is_event_id(make_id(prefix, uuid))


@pytest.mark.parametrize("text", ["a", "A-_9", "x" * 64])
def test_a_caller_may_name_an_event_in_plain_characters(text: str) -> None:
    assert is_event_id(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a b", "a\n", "a/b", "a.b", "ü", "٣"])
def test_other_names_of_events_are_refused(text: str) -> None:
    assert not is_event_id(text)
