"""Types that the members of integrations share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# What a header can carry everywhere (see `app.rules.headers`), without the spaces that are cut off at its ends.
_VISIBLE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")


def check_visible(text: str) -> str:
    """Return a text that a header can carry as it is.

    Raises:
        ValueError: it cannot be.
    """
    if _VISIBLE.fullmatch(text) is None:
        raise ValueError("must be visible ASCII characters, without spaces at its ends")
    return text


def check_one_line(text: str) -> str:
    """Return a text without control characters.

    Raises:
        ValueError: it has one.
    """
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must not contain control characters")
    return text


# 4 KiB is what one custom header of an endpoint may have, and most servers take.
Visible = Annotated[str, AfterValidator(check_visible), Field(min_length=1, max_length=4096)]
Line = Annotated[str, AfterValidator(check_one_line), Field(max_length=1024)]


class Members(BaseModel):
    """A part of an integration as its owner gives it: strict, and without members that mean nothing.

    Errors repeat nothing of it, because it may be a credential.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class NoMembers(Members):
    """Nothing is to be said here."""


class Token(Members):
    """A token."""

    token: Annotated[Visible, Field(description="The token, without the word in front of it.")]


class Value(Members):
    """A value that the service expects in a place of its own."""

    value: Visible


class Account(Members):
    """A user name with its password."""

    username: Annotated[Line, Field(min_length=1)]
    password: Line
