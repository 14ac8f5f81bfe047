"""What is shown of secrets and of URLs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.masking import drop_credentials, fingerprint, mask


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_****LaSw"),
        ("afk_0123456789abcdef0123456789abcdef", "afk_****cdef"),
        ("0123456789abcdef", "****cdef"),
        ("0123456789abcde", "****"),
        ("whsec_short", "whsec_****"),
        ("hunter_2isnotaprefix", "****efix"),
        ("", "****"),
    ],
)
def test_a_mask_shows_the_kind_and_the_end_of_a_long_secret(secret: str, shown: str) -> None:
    assert mask(secret) == shown


@given(st.text())
def test_a_mask_shows_no_more_than_four_characters_of_an_unknown_secret(secret: str) -> None:
    shown = mask(f"-{secret}").removeprefix("****")
    assert len(shown) <= 4
    assert len(shown) * 4 <= len(secret) + 1


def test_a_fingerprint_is_the_start_of_the_sha256() -> None:
    assert fingerprint("whsec_abc") == hashlib.sha256(b"whsec_abc").hexdigest()[:16]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.com/services/T0/B0?sig=x#y", "https://hooks.example.com"),
        ("https://hooks.example.com:8443/a?mail=a@b.c", "https://hooks.example.com:8443"),
        ("https://user:password@hooks.example.com/", "https://hooks.example.com"),
        ("https://[2606:4700::1]:8443/x", "https://[2606:4700::1]:8443"),
        ("postgresql://user:password@db.internal:5432/app", "postgresql://db.internal:5432"),
        ("redis://:password@127.0.0.1:6379/0", "redis://127.0.0.1:6379"),
        ("redis://user:123/45@host", "redis://****"),
        ("redis://:pass/word@host", "****"),
        ("https://[oops/", "****"),
        ("https://host:99999/", "****"),
        ("/path/only", "****"),
        ("password", "****"),
        ("", "****"),
    ],
)
def test_a_log_gets_the_origin_only(url: str, shown: str) -> None:
    assert drop_credentials(url) == shown


@given(st.text())
def test_any_text_can_be_handed_to_the_log(url: str) -> None:
    assert drop_credentials(url) is not None
