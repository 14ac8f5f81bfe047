"""Links between pages lead somewhere."""

from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.docs.doc_pages import anchors, links, pages, read

OUTSIDE = ("http://", "https://", "mailto:")


def internal_links(page: Path) -> list[str]:
    return [link for link in links(read(page)) if not link.startswith(OUTSIDE)]


@pytest.mark.parametrize("page", [page for page in pages() if internal_links(page)], ids=str)
def test_every_internal_link_leads_to_a_page_and_a_heading_of_it(page: Path) -> None:
    for link in internal_links(page):
        name, _, anchor = link.partition("#")
        target = (ROOT / page.parent / name).resolve() if name else ROOT / page
        assert target.exists(), f"{page}: {link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{page}: {link} leads out of the project"
        if anchor:
            assert anchor in anchors(target.read_text()), f"{page}: {link} has no such heading"


def test_every_page_of_the_documentation_can_be_reached_from_its_index() -> None:
    reached = set[Path]()
    waiting = [Path("docs/README.md")]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for link in internal_links(page):
            target = (ROOT / page.parent / link.partition("#")[0]).resolve()
            found = target.relative_to(ROOT)
            if found.suffix == ".md" and found.parts[0] == "docs" and found not in reached:
                waiting.append(found)
    below_docs = {page for page in pages() if page.parts[0] == "docs"}
    # A problem document names the page of its error; the reference holds the same text.
    assert below_docs - reached == {page for page in below_docs if page.parts[1] == "errors"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("## `aetherflow up`", "aetherflow-up"),
        ("# The database is away", "the-database-is-away"),
        ("### GET /events/{event_id}", "get-eventsevent_id"),
        ("## 1. Start, then stop", "1-start-then-stop"),
    ],
)
def test_anchors_are_made_as_github_makes_them(text: str, found: str) -> None:
    assert anchors(text) == {found}
