"""The workflows that pages show can be deployed as they stand, and the tests that they show pass."""

import re
from pathlib import Path

import pytest

from app.providers import PROVIDERS
from app.rules.filters import Filter
from app.rules.manifest import read_manifest
from tests.docs.doc_pages import blocks, pages, read

SHOWN = [
    (page, block.text)
    for page in pages()
    for block in blocks(read(page))
    if block.language == "yaml" and re.search(r"^version:", block.text, re.MULTILINE)
]
TESTING = Path("docs/how-to/test-a-workflow.md")
CALLING = Path("docs/how-to/call-an-outside-service.md")
FILTERS = Path("docs/how-to/filter-requests.md")


def python_of(page: Path) -> str:
    """Return all Python of a page, as one file."""
    return "\n\n".join(block.text for block in blocks(read(page)) if block.language == "python")


def files_of(page: Path, manifest: str) -> dict[str, bytes]:
    """Return the files that a page shows: each file that is called has the page's whole program.

    A page without a program is about the manifest alone.
    """
    calls = re.findall(r"([\w/]+\.py):(\w+)", manifest)
    program = python_of(page) or "\n".join(f"def {function}(event): ..." for _, function in calls)
    return {"aetherflow.yaml": manifest.encode(), **{path: program.encode() for path, _ in calls}}


@pytest.mark.parametrize(("page", "manifest"), SHOWN, ids=[page.stem for page, _ in SHOWN])
def test_a_manifest_and_the_program_beside_it_can_be_deployed(page: Path, manifest: str) -> None:
    reading = read_manifest(files_of(page, manifest), providers=[provider.name for provider in PROVIDERS])
    assert reading.warnings == []


def test_pages_show_workflows() -> None:
    assert {TESTING.parent / "durable-sessions.md", FILTERS} <= {page for page, _ in SHOWN}


@pytest.mark.parametrize("page", sorted({page for page, _ in SHOWN if python_of(page)} | {TESTING}), ids=str)
def test_the_program_of_a_page_can_be_imported(page: Path) -> None:
    exec(compile(python_of(page), page.name, "exec"), {"__name__": page.stem})


@pytest.mark.parametrize("page", [TESTING, CALLING], ids=str)
def test_the_unit_tests_that_a_page_shows_pass(page: Path) -> None:
    names: dict[str, object] = {}
    exec(compile(python_of(page), page.name, "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        assert callable(test)
        test()


def test_the_reason_that_the_page_about_filters_shows_is_the_one_that_is_given() -> None:
    shown = re.search(r'"reason": "(.*?)"', read(FILTERS))
    filtered = re.search(r"filter: >-\n((?:        .*\n)+)", read(FILTERS))
    assert shown is not None
    assert filtered is not None
    verdict = Filter.compile(filtered[1]).judge({"data": {"headers": {}}, "event_type": "post"})
    assert verdict.reason == shown[1]


@pytest.mark.parametrize("amount", [101, 100.5])
def test_a_number_is_compared_whether_it_is_whole_or_not(amount: float) -> None:
    (text,) = re.findall(r"filter: (data\.body\.json\.amount .*)", read(FILTERS))
    verdict = Filter.compile(text).judge({"data": {"body": {"json": {"amount": amount}}}, "event_type": ""})
    assert verdict.matched, verdict.reason
