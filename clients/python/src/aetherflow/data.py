"""Dictionaries whose keys are attributes too, at every depth: what `event.data` is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aetherflow.header_names import canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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


def join_pairs(pairs: Iterable[Sequence[str]]) -> Headers:
    """Return the headers that pairs of name and value are, repeated ones joined with ", "."""
    headers = Headers()
    dict.update(headers, join_repeated((canonical_name(name), value) for name, value in pairs))
    return headers


def join_repeated(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return one text for each name."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ", ".join(several) for name, several in values.items()}


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
