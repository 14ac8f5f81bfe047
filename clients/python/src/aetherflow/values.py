"""Values that outlive a session: one key-value store for each workflow.

A value is anything that JSON can hold, integers of any size included. A key without a value and a key
whose value is None are the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from math import isfinite
from typing import Any

from aetherflow.arguments import check_json, check_text
from aetherflow.binding import current


def get_value(key: str) -> Any:
    """Return the value of a key, None when there is none."""
    return _perform("get", check_text(key, "key"))


def set_value(key: str, value: Any) -> None:
    """Give a key a value; None deletes it.

    Raises:
        TypeError, ValueError: JSON cannot hold the value.
    """
    check_text(key, "key")
    check_json(value, "value")
    _perform("set", key, value=value)


def del_value(key: str) -> None:
    """Delete a key, if it is there."""
    _perform("delete", check_text(key, "key"))


def add_values(key: str, value: float) -> Any:
    """Add to a number, in one indivisible operation, and return the sum; a key without a value counts as 0.

    Raises:
        AetherFlowError: What is stored is no number.
        TypeError, ValueError: The value is no finite number.
    """
    check_text(key, "key")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"value must be a number, not {type(value).__name__}")
    if not isfinite(value):
        raise ValueError(f"value must be a finite number, not {value}")
    return _perform("add", key, value=value)


def check_and_set_value(key: str, expected_value: Any, new_value: Any) -> bool:
    """Set a value if it is the expected one, in one indivisible operation, and return whether it was.

    None as the expected value is a key without one, None as the new value deletes it.

    Raises:
        TypeError, ValueError: JSON cannot hold a value.
    """
    check_text(key, "key")
    check_json(expected_value, "expected_value")
    check_json(new_value, "new_value")
    return bool(_perform("check_and_set", key, value=new_value, expected=expected_value))


def list_values_keys() -> list[str]:
    """Return all keys, sorted."""
    return list(_perform("list", None))


class Store(MutableMapping[str, Any]):
    """The values of the workflow as a dictionary.

    A key without a value reads as None. Reading a value and writing it again is not indivisible:
    `add_values` and `check_and_set_value` are.
    """

    def __getitem__(self, key: str) -> Any:
        return get_value(key)

    def __setitem__(self, key: str, value: Any) -> None:
        set_value(key, value)

    def __delitem__(self, key: str) -> None:
        del_value(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and get_value(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(list_values_keys())

    def __len__(self) -> int:
        return len(list_values_keys())

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default when it has none."""
        value = get_value(key)
        return default if value is None else value

    def pop(self, key: str, default: Any = None) -> Any:
        """Delete a key and return its value, or the default when it has none."""
        value = self.get(key, default)
        del_value(key)
        return value

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, and give it the default first when it has none."""
        return default if check_and_set_value(key, None, default) else get_value(key)

    def __repr__(self) -> str:
        return "store"


store = Store()


def _perform(action: str, key: str | None, *, value: Any = None, expected: Any = None) -> Any:
    arguments = {"action": action, "key": key, "value": value, "expected": expected}
    return current().perform("value", arguments)
