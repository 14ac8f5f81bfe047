import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.rules.passwords import check_password


@pytest.mark.parametrize(
    "text", ["12345678", "a" * 8, " " * 8, "x" * 1024, "pässwört", "🦉" * 8, "line\nline"]
)
def test_any_characters_make_a_password(text: str) -> None:
    assert check_password(text) == text


@pytest.mark.parametrize("text", ["", "1234567", "🦉" * 7, "x" * 1025, "1234567\0", "\0" * 20])
def test_too_short_too_long_and_nul_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        check_password(text)


@given(st.text(min_size=1, max_size=2000, alphabet=st.characters(categories=["L", "Nd"])))
def test_a_refusal_does_not_repeat_the_password(text: str) -> None:
    assume(len(text) < 8 or len(text) > 1024)
    with pytest.raises(ValueError, match="must have 8 to 1024 characters") as refusal:
        check_password(text)
    assert str(refusal.value) == "must have 8 to 1024 characters"
