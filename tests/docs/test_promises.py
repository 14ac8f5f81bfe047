"""What pages say about tests, files and log lines is there."""

import ast
import re
from pathlib import Path

import pytest

from app.settings import PREFIX, Settings
from tests.checkout import ROOT
from tests.docs.doc_pages import pages, read

NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NAMED_PATH = re.compile(
    r"`((?:\.ci|alembic|app|bench|clients|delivery|docs|examples|requirements|tests)/[\w./*-]+)`"
)
GUARANTEES = Path("docs/explanation/guarantees.md")
OPERATING = Path("docs/operations/operating.md")
DECISIONS = sorted(page for page in pages() if re.match(r"docs/decisions/\d{4}-", page.as_posix()))

# Pages of the project itself: those of clients name files of their own.
OWN_PAGES = [page for page in pages() if page.parts[0] in ("docs", page.name)]


def functions_of(path: Path) -> set[str]:
    definitions = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, definitions)}


@pytest.mark.parametrize(("path", "name"), NAMED_TEST.findall(read(GUARANTEES)))
def test_a_test_that_proves_a_guarantee_exists(path: str, name: str) -> None:
    assert name in functions_of(ROOT / path)


def test_every_guarantee_names_a_test_that_proves_it() -> None:
    _, *sections = re.split(r"^## ", read(GUARANTEES), flags=re.MULTILINE)
    assert sections
    for section in sections:
        assert NAMED_TEST.search(section), section.splitlines()[0]


@pytest.mark.parametrize("page", OWN_PAGES, ids=str)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    missing = {name for name in NAMED_PATH.findall(read(page)) if not list(ROOT.glob(name.rstrip("/")))}
    assert not missing


@pytest.mark.parametrize("page", OWN_PAGES, ids=str)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    named = {name.lower() for name in re.findall(rf"{PREFIX}([A-Z][A-Z0-9_]*)", read(page))}
    assert {name.removesuffix("_file") for name in named} <= Settings.model_fields.keys()


def test_every_log_line_that_operators_should_watch_is_logged() -> None:
    section = read(OPERATING).partition("## Log lines to watch")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    sources = [path.read_text() for room in ("app", "delivery") for path in (ROOT / room).rglob("*.py")]
    logged = {name for text in sources for name in re.findall(r"log\.\w+\(\s*\"(\w+)\"", text)}
    assert named
    assert named <= logged


def test_every_metric_that_operators_can_look_at_exists() -> None:
    section = read(OPERATING).partition("## Metrics")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(aetherflow_\w+?)(?:_total)?(?:\{.*\})?` \|", section, re.MULTILINE))
    telemetry = (ROOT / "app" / "telemetry.py").read_text()
    assert named
    assert named <= set(re.findall(r"\"(aetherflow_\w+)\"", telemetry))


@pytest.mark.parametrize("page", DECISIONS, ids=str)
def test_a_decision_tells_why_what_and_what_follows(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", read(page), re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Where it is enforced"]
    assert read(page).startswith(f"# {page.name[:4]}: ")


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    listed = read(Path("docs/decisions/README.md"))
    for page in DECISIONS:
        title = read(page).partition("\n")[0].removeprefix("# ")
        assert f"- [{title}]({page.name})\n" in listed
