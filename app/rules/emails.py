"""E-mail addresses of people, in the one spelling that is stored and compared."""

import re

# RFC 5321 section 4.5.3.1: the part before the @, and a whole path of 256 less its two angle brackets.
_MOST_LOCAL_CHARACTERS = 64
_MOST_CHARACTERS = 254

# What browsers accept in a field for an address (HTML, "valid e-mail address"). It leaves out what RFC 5322 knows
# besides, quoted names and comments, and with them every character that could end a header of a mail.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"([A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+)@{_LABEL}(?:\.{_LABEL})*")


def read_email(text: str) -> str:
    """Return an address in lower case.

    Raises:
        ValueError: it is none.
    """
    match = _EMAIL.fullmatch(text)
    if match is None or len(text) > _MOST_CHARACTERS or len(match[1]) > _MOST_LOCAL_CHARACTERS:
        raise ValueError("must be an e-mail address, such as ada@example.com")
    return text.lower()
