"""What the import contracts in pyproject.toml cannot say: purity, names of modules, docstrings."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import ROOT

PACKAGES = ("app", "delivery")
PURE = ("app/catalogue", "app/providers", "app/rules", "app/signatures")

# Standard modules through which time, chance or the outside world come in.
WORLDLY_MODULES = {
    "asyncio",
    "http",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "uuid",
}
# Calls that need no such import.
WORLDLY_CALLS = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "input",
    "open",
    "print",
}

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "core"}
# What all tables have in common is a base class, and nothing else.
EXCEPTED = {"app/store/models/base.py"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def show(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of every module that is imported anywhere in a file, and of what is taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def called_names(tree: ast.AST) -> Iterator[str]:
    """Yield what is called, by at most the last two parts of its name: `datetime.now`, `open`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ".".join(ast.unparse(node.func).split(".")[-2:])


def public_definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            yield node


@pytest.mark.parametrize("path", sources(*PURE), ids=show)
def test_a_pure_package_imports_no_clock_no_chance_and_no_outside_world(path: Path) -> None:
    for name in imported_names(ast.parse(path.read_text())):
        worldly = {module for module in WORLDLY_MODULES if name == module or name.startswith(f"{module}.")}
        assert not worldly, f"{show(path)} imports {name}: take what it gives as a parameter"


@pytest.mark.parametrize("path", sources(*PURE), ids=show)
def test_a_pure_package_asks_nobody_for_the_time_and_touches_no_file(path: Path) -> None:
    assert not WORLDLY_CALLS & set(called_names(ast.parse(path.read_text())))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import os\nos.environ['A']", {"os"}),
        ("def f():\n    from random import random\n    return random()", {"random.random"}),
        ("from urllib.parse import urlsplit", {"urllib.parse.urlsplit"}),
    ],
)
def test_the_check_of_imports_sees_those_inside_functions_and_tells_modules_apart(
    text: str, found: set[str]
) -> None:
    assert set(imported_names(ast.parse(text))) == found


@pytest.mark.parametrize("text", ["datetime.datetime.now(UTC)", "datetime.now(UTC)", "x = date.today()"])
def test_the_check_of_calls_sees_the_clock_by_either_of_its_names(text: str) -> None:
    assert WORLDLY_CALLS & set(called_names(ast.parse(text)))


@pytest.mark.parametrize("path", sources(*PACKAGES, "bench", "docs", "clients/python/src"), ids=show)
def test_a_module_is_called_after_what_it_holds(path: Path) -> None:
    assert path.stem not in EMPTY_NAMES or show(path) in EXCEPTED


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=show)
def test_every_module_and_package_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{show(path)} has no docstring"


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=show)
def test_every_public_function_and_class_says_what_it_promises(path: Path) -> None:
    # An error has a title, and a page of its own in docs/errors.
    speak_otherwise = ast.ClassDef if show(path) == "app/errors.py" else ()
    undocumented = [
        f"{show(path)}:{node.lineno} {node.name}"
        for node in public_definitions(ast.parse(path.read_text()))
        if not (ast.get_docstring(node) or isinstance(node, speak_otherwise))
    ]
    assert not undocumented
