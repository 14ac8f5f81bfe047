"""Identifiers: a prefix that says what a thing is, and a UUIDv7 that puts things in order of creation."""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

IdPrefix = Literal[
    "ws",  # workspace
    "usr",  # member
    "inv",  # invitation
    "key",  # API key
    "evt",  # event
    "ep",  # endpoint
    "sec",  # endpoint secret
    "dlv",  # delivery
    "att",  # attempt
    "rpl",  # replay
    "wf",  # workflow
    "dep",  # deployment
    "trg",  # trigger
    "req",  # received request
    "ses",  # session
    "sub",  # subscription of a session
    "sig",  # signal
    "var",  # variable of a workflow
    "int",  # integration
    "ntc",  # notice
]

PREFIXES: tuple[IdPrefix, ...] = get_args(IdPrefix)

_HEX_DIGITS = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def make_id(prefix: IdPrefix, uuid: bytes | str) -> str:
    """`evt_` and 32 lower-case hex digits, from the 16 bytes or the 32 hex digits of a UUIDv7.

    The text sorts as the UUID does, so ids of one kind sort by the millisecond of their creation.
    Raises ValueError for anything of another length, such as a UUID written with dashes.
    """
    digits = uuid.hex() if isinstance(uuid, bytes) else uuid.lower()
    if len(digits) != _HEX_DIGITS:
        raise ValueError(f"a UUID has {_HEX_DIGITS} hex digits, not {len(digits)}")
    return f"{prefix}_{digits}"


def lowest_id(prefix: IdPrefix, moment: datetime) -> str:
    """The lowest id that `make_id` could have made of a UUIDv7 of this moment's millisecond."""
    milliseconds = max(0, (moment - _EPOCH) // timedelta(milliseconds=1))
    return f"{prefix}_{milliseconds:012x}"


def is_event_id(text: str) -> bool:
    """Whether a caller may name an event so: the characters survive URLs, headers and file names."""
    return _EVENT_ID.fullmatch(text) is not None
