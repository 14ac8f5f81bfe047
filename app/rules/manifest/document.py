"""YAML text as nodes that know their lines.

Only the part of YAML that a manifest needs is read: one document of mappings, lists and texts. A scalar
stays the text that stands in the file, and whoever asks for a number or a boolean reads it by the rules of
YAML 1.2, so that neither `no` nor `1_000` nor `12:30` turns into something else on the way. There are no
anchors and no tags; without them the size of a document is what one sees.

The events of the parser are put together here without recursion, and the caps hold while they come in, so
that a document is given up on as soon as it is too large, not after.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.rules.manifest.findings import Findings

MOST_BYTES = 262_144
MOST_NODES = 10_000
# A manifest has six levels; this leaves room for a mistake to be told as what it is.
MOST_LEVELS = 20

_BYTE_ORDER_MARK = "\ufeff"
# YAML 1.2 section 5.1, which keeps control characters out. A mark in the middle is no byte order.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# What the parser takes for the end of a line, so that our lines are its lines.
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})  # YAML 1.2 section 10.3.2


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A text, and whether it stood in quotes or as a block."""

    text: str
    line: int
    is_quoted: bool

    @property
    def is_null(self) -> bool:
        """Whether it says that there is nothing."""
        return not self.is_quoted and self.text in _NULLS


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    line: int
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping; of keys that stand twice the first one is kept, since the other is a mistake already."""

    line: int
    members: dict[str, tuple[ScalarNode, "Node"]]


Node = ScalarNode | ListNode | MapNode


def parse_document(content: bytes, findings: Findings) -> Node | None:
    """Return the root of the only document; None when that cannot be had, with the reason in the findings.

    Keys that stand twice, keys that are no texts, anchors and tags are found all at once. The parser's own
    errors, such as a wrong indentation, end the reading, because nothing after them can be relied on.
    """
    text = _decode(content, findings)
    if text is None:
        return None
    composer = _Composer(findings)
    try:
        # The C parser: the other one takes seconds for a document that the caps allow.
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if not composer.take(event):
                return None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        findings.refuse(line, _explain(error, text))
        return None
    except yaml.YAMLError as error:
        findings.refuse(None, f"This is no YAML: {error}.")
        return None
    if composer.root is None:
        findings.refuse(1, "The manifest is empty.")
    return composer.root


def _decode(content: bytes, findings: Findings) -> str | None:
    if len(content) > MOST_BYTES:
        findings.refuse(None, f"The manifest has more than {MOST_BYTES} bytes.")
        return None
    try:
        text = content.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        findings.refuse(line, "The manifest is not UTF-8.")
        return None
    strange = _UNPRINTABLE.search(text)
    if strange:
        line = len(_LINE_BREAK.findall(text, 0, strange.start())) + 1
        code = f"U+{ord(strange.group()):04X}"
        findings.refuse(line, f"The character {code} does not belong into YAML.")
        return None
    return text


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark
    message = f"This is no YAML: {error.problem}"
    if error.context:
        since = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
        message += f" ({error.context}{since})"
    if mark is None:
        return f"{message}."
    message += f", at column {mark.column + 1}."
    line = _LINE_BREAK.split(text)[mark.line : mark.line + 1]
    if line and "\t" in line[0][: len(line[0]) - len(line[0].lstrip())]:
        return f"{message} Indent with spaces, not with tabs."
    if error.problem and "mapping values are not allowed" in error.problem:
        return f'{message} Put a text that has ": " in it between quotes.'
    return message


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet; of a mapping, keys and values in turn."""

    line: int
    is_map: bool
    children: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class _Composer:
    findings: Findings
    root: Node | None = None
    node_count: int = 0
    document_count: int = 0
    open: list[_Open] = field(default_factory=list)

    # The events and marks of PyYAML are untyped.
    def take(self, event: Any) -> bool:
        """Take the next event; False when the rest is not to be read."""
        line = event.start_mark.line + 1
        match event:
            case yaml.DocumentStartEvent():
                self.document_count += 1
                if self.document_count > 1:
                    self.findings.refuse(line, "A manifest is one document; a second one begins here.")
                    return False
            case yaml.AliasEvent():
                self.findings.refuse(line, "Aliases are not read; write out what is meant.")
                return self._add(ScalarNode("", line, is_quoted=False))
            case yaml.ScalarEvent():
                self._refuse_decoration(event, line)
                if "\0" in event.value:
                    self.findings.refuse(line, "A text must not contain the character U+0000.")
                return self._add(ScalarNode(event.value, line, is_quoted=bool(event.style)))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_decoration(event, line)
                self.open.append(_Open(line, isinstance(event, yaml.MappingStartEvent)))
                if len(self.open) > MOST_LEVELS:
                    self.findings.refuse(line, f"The manifest has more than {MOST_LEVELS} levels.")
                    return False
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                return self._add(self._close())
        return True

    def _refuse_decoration(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self.findings.refuse(line, f"Anchors such as &{event.anchor} are not read.")
        if event.tag is not None:
            self.findings.refuse(line, f"Tags such as {event.tag} are not read.")

    def _add(self, node: Node) -> bool:
        self.node_count += 1
        if self.node_count > MOST_NODES:
            self.findings.refuse(node.line, f"The manifest has more than {MOST_NODES} values.")
            return False
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node
        return True

    def _close(self) -> Node:
        closed = self.open.pop()
        if not closed.is_map:
            return ListNode(closed.line, tuple(closed.children))
        members: dict[str, tuple[ScalarNode, Node]] = {}
        for key, value in _pairs(closed.children):
            if not isinstance(key, ScalarNode):
                self.findings.refuse(key.line, "A key must be a text.")
            elif key.text in members:
                first = members[key.text][0].line
                self.findings.refuse(key.line, f"The key {key.text} stands twice, first in line {first}.")
            else:
                members[key.text] = key, value
        return MapNode(closed.line, members)


def _pairs(children: list[Node]) -> Iterator[tuple[Node, Node]]:
    return zip(children[::2], children[1::2], strict=True)
