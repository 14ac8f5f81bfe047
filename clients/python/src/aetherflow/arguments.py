"""Checks of what authors pass, each with a message that says what to pass instead."""

from __future__ import annotations

import json
from datetime import timedelta
from math import isfinite
from typing import Any, Union

Duration = Union[float, timedelta]


def check_text(value: object, name: str) -> str:
    """Return a text that is not empty.

    Raises:
        TypeError: It is no text.
        ValueError: It is empty.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name} must not be empty")
    return value


def check_json(value: object, name: str) -> None:
    """Accept what JSON can hold.

    Raises:
        TypeError: It holds something that JSON has no form for.
        ValueError: It holds NaN or an infinity, or itself.
    """
    try:
        json.dumps(value, allow_nan=False)
    except TypeError as error:
        raise TypeError(f"{name} must be a JSON value: {error}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} must be a JSON value: {error}") from None


def check_object(value: object, name: str) -> dict[str, Any]:
    """Return a dictionary that is a JSON object; None is an empty one.

    Raises:
        TypeError: It is something else.
        ValueError: It holds NaN or an infinity, or itself.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be a dict, not {type(value).__name__}")
    check_json(value, name)
    return value


def check_seconds(value: object, name: str) -> float:
    """Return a duration in seconds.

    Raises:
        TypeError: It is neither a number nor a timedelta.
        ValueError: It is negative or not finite.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or a timedelta, not {type(value).__name__}")
    if not isfinite(value) or value < 0:
        raise ValueError(f"{name} must be a finite number of seconds from 0 on, not {value}")
    return float(value)
