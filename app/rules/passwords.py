"""What a password may be: of any characters, and long enough.

Rules of composition are left out on purpose (NIST SP 800-63B, section 5.1.1.2): they make passwords guessable.
"""

SHORTEST_CHARACTERS = 8  # The same section's minimum.
LONGEST_CHARACTERS = 1024  # Room for any phrase; more would only be work for the hash.


def check_password(text: str) -> str:
    """Return a password that may be chosen.

    Raises:
        ValueError: it may not; the message does not repeat it.
    """
    if not SHORTEST_CHARACTERS <= len(text) <= LONGEST_CHARACTERS:
        raise ValueError(f"must have {SHORTEST_CHARACTERS} to {LONGEST_CHARACTERS} characters")
    if "\0" in text:
        raise ValueError("must not contain the character U+0000")
    return text
