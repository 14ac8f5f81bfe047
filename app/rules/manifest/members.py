"""The members of one mapping of a manifest, asked for one by one.

Asking for a member is what makes its key known: those that nobody asked for are refused in the end. A
member that is null or absent is None; one that does not fit is None too, and a mistake.
"""

import math
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TypeVar

from app.rules.manifest.document import ListNode, MapNode, Node, ScalarNode
from app.rules.manifest.findings import Findings

# YAML 1.2 section 10.3.2: `yes`, `no`, `on` and `off` are texts.
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_BOOLEANS_OF_YAML_1_1 = frozenset({"y", "yes", "n", "no", "on", "off"})
# The same section, without octal and hexadecimal integers; the digits are bounded because int() is slow.
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,3})?")

_LONGEST_SHOWN = 64

_Option = TypeVar("_Option", bound=str)
_AnyNode = TypeVar("_AnyNode", MapNode, ListNode, ScalarNode)


class Members:
    """See the module."""

    def __init__(self, node: MapNode, path: str, findings: Findings) -> None:
        """`path` is the JSON pointer of the mapping."""
        self.line = node.line
        self.path = path
        self._members = node.members
        self._findings = findings
        self._asked: set[str] = set()

    def refuse(self, name: str, message: str) -> None:
        """Add a mistake about a member, in its line, or in the mapping's when there is none."""
        self._findings.refuse(self.line_of(name), message, path=self._point_at(name))

    def has(self, name: str) -> bool:
        """Whether the key is there, with whatever value."""
        self._asked.add(name)
        return name in self._members

    def is_null(self, name: str) -> bool:
        """Whether the member is null or absent."""
        node = self._take(name)
        return node is None or (isinstance(node, ScalarNode) and node.is_null)

    def line_of(self, name: str) -> int:
        """Return the line of a member, or the mapping's when there is none."""
        key, _ = self._members.get(name, (None, None))
        return key.line if key else self.line

    def raw(self, name: str) -> str | None:
        """Return a text exactly as it stands there, an empty one where the key has no value."""
        node = self._take(name)
        if node is None or isinstance(node, ScalarNode):
            return node.text if node else None
        self.refuse(name, f"{name} must be a text; put it between quotes.")
        return None

    def text(self, name: str, *, most: int) -> str | None:
        """Return a text, also of what looks like a number; an empty one is None."""
        node = self._given(name, ScalarNode, "a text; put it between quotes")
        if node is None or not node.text:
            return None
        if len(node.text) > most:
            self.refuse(name, f"{name} must have at most {most} characters.")
            return None
        return node.text

    def named(self, name: str, pattern: re.Pattern[str], *, rule: str) -> str | None:
        """Return a text that fits; missing and null are mistakes here."""
        if self.is_null(name):
            self.refuse(name, f"{name} is missing.")
        node = self._given(name, ScalarNode, "a text")
        if node is None:
            return None
        if not pattern.fullmatch(node.text):
            self.refuse(name, f"{name} must be {rule}.")
            return None
        return node.text

    def one_of(self, name: str, options: Sequence[_Option]) -> _Option | None:
        """Return one of these texts; missing and null are mistakes here."""
        known = ", ".join(options)
        if self.is_null(name):
            self.refuse(name, f"{name} is missing; it is one of {known}.")
        node = self._given(name, ScalarNode, "a text")
        if node is None:
            return None
        for option in options:
            if node.text == option:
                return option
        self.refuse(name, f"{name} must be one of {known}.")
        return None

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false as YAML 1.2 writes them, the default when null, absent or wrong."""
        node = self._given(name, ScalarNode, "true or false")
        if node is None:
            return default
        if node.is_quoted or node.text not in _BOOLEANS:
            hint = "; YAML 1.2 knows no other words for them"
            is_old = node.text.lower() in _BOOLEANS_OF_YAML_1_1
            self.refuse(name, f"{name} must be true or false{hint if is_old else ''}.")
            return default
        return _BOOLEANS[node.text]

    def number(self, name: str, *, low: float, high: float) -> float | None:
        """Return a number within both bounds."""
        node = self._given(name, ScalarNode, "a number")
        if node is None:
            return None
        value = math.nan if node.is_quoted or not _NUMBER.fullmatch(node.text) else float(node.text)
        if not low <= value <= high:
            self.refuse(name, f"{name} must be a number from {low:g} to {high:g}.")
            return None
        return value

    def whole(self, name: str, *, low: int, high: int) -> int | None:
        """Return an integer within both bounds."""
        node = self._given(name, ScalarNode, "a whole number")
        if node is None:
            return None
        is_whole = not node.is_quoted and _WHOLE.fullmatch(node.text)
        if not is_whole or not low <= int(node.text) <= high:
            self.refuse(name, f"{name} must be a whole number from {low} to {high}.")
            return None
        return int(node.text)

    def mapping(self, name: str) -> "Members | None":
        """Return the members of a mapping."""
        node = self._given(name, MapNode, "a mapping")
        return Members(node, self._point_at(name), self._findings) if node else None

    def mappings(self, name: str) -> Iterator["Members"]:
        """Yield the members of each mapping in a list; what is no mapping is a mistake and left out."""
        node = self._given(name, ListNode, "a list")
        for number, item in enumerate(node.items if node else ()):
            path = f"{self._point_at(name)}/{number}"
            if isinstance(item, MapNode):
                yield Members(item, path, self._findings)
            else:
                self._findings.refuse(item.line, f"Each of the {name} must be a mapping.", path=path)

    def refuse_unknown(self) -> None:
        """Add a mistake for every key that nobody asked for."""
        for name in self._members.keys() - self._asked:
            similar = get_close_matches(name, sorted(self._asked), n=1) if len(name) <= _LONGEST_SHOWN else []
            hint = f"; did you mean {similar[0]}?" if similar else "."
            self.refuse(name, f"There is no key {_shorten(name)} here{hint}")

    def _take(self, name: str) -> Node | None:
        self._asked.add(name)
        _, value = self._members.get(name, (None, None))
        return value

    def _given(self, name: str, kind: type[_AnyNode], article: str) -> _AnyNode | None:
        if self.is_null(name):
            return None
        node = self._take(name)
        if isinstance(node, kind):
            return node
        self.refuse(name, f"{name} must be {article}.")
        return None

    def _point_at(self, name: str) -> str:
        return f"{self.path}/" + name.replace("~", "~0").replace("/", "~1")


def _shorten(name: str) -> str:
    return repr(name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}...")
