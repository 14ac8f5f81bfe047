import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.emails import read_email


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.LINDQVIST+Team@Example.COM", "ada.lindqvist+team@example.com"),
        ("o'brien@sub.example.co.uk", "o'brien@sub.example.co.uk"),
        ("root@localhost", "root@localhost"),
        ("a@xn--mller-kva.example", "a@xn--mller-kva.example"),
        ("1@2.3", "1@2.3"),
        (f"{'a' * 64}@b.example", f"{'a' * 64}@b.example"),
        (f"{'a' * 60}@{'.'.join(['b' * 61] * 3)}.example", f"{'a' * 60}@{'.'.join(['b' * 61] * 3)}.example"),
    ],
)
def test_an_address_is_kept_in_lower_case(text: str, stored: str) -> None:
    assert len(text) <= 254
    assert read_email(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@@example.com",
        "ada@a@example.com",
        "ada@example..com",
        "ada@.example.com",
        "ada@example.com.",
        "ada@-example.com",
        "ada@example-.com",
        f"ada@{'b' * 64}.example",
        f"{'a' * 65}@example.com",
        f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}.example",
        " ada@example.com",
        "ada@example.com ",
        "ada lovelace@example.com",
        "Ada <ada@example.com>",
        "ada@example.com,bob@example.com",
        "ada@example.com;bob@example.com",
        "ada@example.com\n",
        "ada@example.com\r\nBcc: bob@example.com",
        "ada\r\nBcc: bob@example.com",
        "ada\0@example.com",
        "ada\t@example.com",
        "ada@exam\u2028ple.com",
        '"ada"@example.com',
        "ada(comment)@example.com",
        "ada@[127.0.0.1]",
        "ada\u202e@example.com",
        "ada@exаmple.com",  # a Cyrillic letter
        "ĸelvin\u212a@example.com",  # lower case would make a Latin k of the Kelvin sign
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        read_email(text)


@given(st.text(max_size=40) | st.from_regex(re.compile(r"[\x00-\x7f]{1,9}@[\x00-\x7f]{1,9}"), fullmatch=True))
def test_what_is_accepted_can_stand_in_a_header_and_is_read_the_same_again(text: str) -> None:
    try:
        email = read_email(text)
    except ValueError:
        return
    assert email.isascii()
    assert email.isprintable()
    assert not set(email) & set(' <>(),:;[]\\"')
    assert email.count("@") == 1
    assert read_email(email) == email == read_email(email.upper())
