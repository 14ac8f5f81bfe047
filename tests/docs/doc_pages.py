"""Reads Markdown as far as the tests of the documentation need it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.checkout import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block."""

    language: str
    text: str


def pages() -> list[Path]:
    """Return every page that people read, as paths from the root of the checkout."""
    folders = ("docs", "clients", "bench", "examples")
    found = [*ROOT.glob("*.md"), *(path for folder in folders for path in (ROOT / folder).rglob("*.md"))]
    return sorted(path.relative_to(ROOT) for path in found if "node_modules" not in path.parts)


def read(page: Path) -> str:
    return (ROOT / page).read_text()


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks in their order."""
    return [Block(found[1], found[2]) for found in FENCE.finditer(text)]


def links(text: str) -> Iterator[str]:
    """Yield where the links lead, but those inside of code."""
    without_code = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    yield from (found[1] for found in LINK.finditer(without_code))


def anchors(text: str) -> set[str]:
    """Return what `#...` may lead to, as GitHub makes it of headings."""
    headings = HEADING.findall(FENCE.sub("", text))
    return {NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-") for heading in headings}
