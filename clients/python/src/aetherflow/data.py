"""Dictionaries whose keys are attributes too, at every depth: what `event.data` is made of."""

from __future__ import annotations

import re
from typing import Any

# RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Data(dict[str, Any]):
    """A dictionary that also answers `data.key`.

    Dictionaries inside it are `Data` too, also those in lists. A name that is a method of `dict`, such
    as `items`, is that method as an attribute, and the value as a key. Items can be assigned, and
    dictionaries and lists are copied thereby; attributes cannot be assigned. A missing attribute is an
    AttributeError, a missing key a KeyError.
    """

    __slots__ = ()

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__()
        self.update(*args, **values)

    def __getattr__(self, name: str) -> Any:
        # Python itself asks for names such as `__deepcopy__`, and must not get what a sender chose.
        if not (name.startswith("__") and name.endswith("__")):
            try:
                return self[name]
            except KeyError:
                pass
        raise AttributeError(f"there is no {name!r} here; .get({name!r}) is None instead")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"attributes cannot be assigned; assign the item: [{name!r}] = ...")

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, wrap(value))

    def __ior__(self, other: Any) -> Data:  # type: ignore[override,misc]
        self.update(other)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As of any dictionary."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args: Any, **values: Any) -> None:
        """As of any dictionary."""
        for key, value in dict(*args, **values).items():
            self[key] = value

    def copy(self) -> Data:
        """As of any dictionary, but again one with attributes."""
        return type(self)(self)


class Headers(Data):
    """Headers by their canonical names, such as `X-Github-Event`; looking them up ignores case."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(canonical_name(name))

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(canonical_name(name), value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(canonical_name(name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(canonical_name(name))

    def get(self, name: str, default: Any = None) -> Any:
        """As of any dictionary."""
        return super().get(canonical_name(name), default)

    def pop(self, name: str, *default: Any) -> Any:
        """As of any dictionary."""
        return super().pop(canonical_name(name), *default)


def canonical_name(name: str) -> str:
    """Return a header's name with each of its words capitalised, or as it is when it is no token."""
    if not _TOKEN.fullmatch(name):
        return name
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))


def wrap(value: Any) -> Any:
    """Return a JSON value with every dictionary as `Data`; what is wrapped already is not copied.

    Not recursive, so that no nesting is too deep for it.
    """
    holder = [value]
    unseen: list[Any] = [holder]
    while unseen:
        container = unseen.pop()
        places = list(container.items()) if isinstance(container, dict) else list(enumerate(container))
        for place, item in places:
            copied = _copy_of(item)
            if copied is not None:
                unseen.append(copied)
                # Past the methods of Data, which would wrap it again.
                put = dict.__setitem__ if isinstance(container, dict) else list.__setitem__
                put(container, place, copied)
    return holder[0]


def adopt(values: dict[str, Any]) -> Data:
    """Return `Data` of a dictionary whose values are wrapped already."""
    data = Data.__new__(Data)
    dict.update(data, values)
    return data


def _copy_of(item: Any) -> Any:
    if isinstance(item, dict):
        return None if isinstance(item, Data) else adopt(item)
    return list(item) if isinstance(item, list) else None
