"""What a deployment's Python files must be: they parse, and bind what triggers call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidManifest, Problem
from app.rules.manifest import Reading, read_manifest
from app.rules.manifest.sources import MOST_SOURCE_BYTES


def deploy(call: str | None, files: dict[str, bytes]) -> Reading:
    manifest = "version: v2\nproject: {name: shop}\n"
    if call:
        manifest += f"triggers:\n  - {{name: hook, type: webhook, call: {call!r}}}\n"
    return read_manifest({"aetherflow.yaml": manifest.encode(), **files}, providers=())


def refusals(call: str | None, files: dict[str, bytes]) -> tuple[Problem, ...]:
    with pytest.raises(InvalidManifest) as caught:
        deploy(call, files)
    return caught.value.problems


@pytest.mark.parametrize(
    "source",
    [
        "def f(event): ...",
        "async def f(event): ...",
        "@decorated\ndef f(event): ...",
        "class f: ...",
        "f = lambda event: None",
        "f: object = print",
        "f = g = print",
        "(f, g), *h = (1, 2), 3",
        "[g, *f] = 1, 2",
        "import f",
        "import f.g",
        "import g as f",
        "from lib import f",
        "from lib import g as f",
        "from . import f",
        "from lib import *",
        "if True:\n    def f(): ...",
        "if False: ...\nelse:\n    f = 1",
        "try:\n    from fast import f\nexcept ImportError:\n    from slow import f",
        "try: ...\nfinally:\n    f = 1",
        "with open('a') as f: ...",
        "for f in []: ...",
        "while False:\n    import f",
        "match 1:\n    case 1:\n        f = 1",
        "print(f := 1)",
        "def g():\n    global f\n    f = 1\ndef f(): ...",
        "f += 1",
    ],
)
def test_anything_that_is_bound_at_the_top_can_be_called(source: str) -> None:
    assert deploy("app.py:f", {"app.py": source.encode()}).manifest.triggers[0].call == "app.py:f"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "f",
        "f()",
        "f: int",
        "g.f = 1",
        "g['f'] = 1",
        "def g():\n    def f(): ...",
        "class g:\n    def f(self): ...",
        "g = lambda f: f",
        "[f for f in []]",
        "{f: 1 for f in []}",
        "import g.f",
        "import f as g",
        "from f import g",
        "del f",
        "# def f(): ...",
        "'def f(): ...'",
    ],
)
def test_what_is_not_bound_at_the_top_cannot_be_called(source: str) -> None:
    (problem,) = refusals("app.py:f", {"app.py": source.encode()})
    assert (problem.file, problem.line, problem.path) == ("aetherflow.yaml", 4, "/triggers/0/call")


def test_a_file_may_lie_in_folders_and_have_spaces_in_its_name() -> None:
    files = {"lib/deep/my app.py": b"def f(): ..."}
    assert deploy("lib/deep/my app.py f", files).manifest.triggers[0].call == "lib/deep/my app.py:f"


def test_a_name_is_told_as_it_might_have_been_meant() -> None:
    (problem,) = refusals("app.py:handel", {"app.py": b"def handle(): ...\ndef other(): ..."})
    assert problem.message == "There is no handel at the top of app.py; did you mean handle?"
    (problem,) = refusals("src/app.py:f", {"scr/app.py": b"def f(): ..."})
    assert problem.message == "There is no file src/app.py; did you mean scr/app.py?"


def test_a_called_file_that_does_not_parse_is_told_once() -> None:
    (problem,) = refusals("app.py:f", {"app.py": b"import os\n\ndef f(:\n"})
    assert (problem.file, problem.line) == ("app.py", 3)


def test_tests_may_hold_anything_unless_they_are_called() -> None:
    files = {"tests/broken.py": b"x =", "lib/tests/broken.py": b"x =", "lib/test_broken.py": b"x ="}
    deploy(None, files)
    assert [problem.file for problem in refusals("tests/broken.py:f", files)] == ["tests/broken.py"]


@pytest.mark.parametrize("path", ["lib/broken.py", "testing/broken.py", "tests.py", "atest_broken.py"])
def test_every_other_python_file_must_parse(path: str) -> None:
    assert [problem.file for problem in refusals(None, {path: b"x ="})] == [path]


def test_files_that_are_no_python_may_hold_anything() -> None:
    deploy(None, {"broken.txt": b"x =", "py": b"x =", "notebook.pyi": b"x =", "a.pyc": b"\0"})


@pytest.mark.parametrize(
    "source",
    [
        b"x = '\xff'",
        b"a\0b",
        b"# coding: rot13\nk = 1",
        b"# coding: nothing\nk = 1",
        b"# coding: undefined\nk = 1",
        b"# coding: utf-7\n+2AA-=1",
        "x = 1".encode("utf-16"),
        b"(" * 100_000,
        b"-" * 100_000 + b"1",
        b"not " * 100_000 + b"1",
        b"a" + b".b" * 100_000,
        b"a" + b"[0]" * 100_000,
        b"1" + b"+1" * 100_000,
        b"lambda:" * 20_000 + b"1",
        b"if 1: pass\n" + b"elif 1: pass\n" * 20_000,
        b'f"{' * 2000,
        b"#" * (MOST_SOURCE_BYTES + 1),
    ],
    ids=lambda source: repr(source[:20]),
)
def test_what_python_cannot_read_is_refused_and_harms_nobody(source: bytes) -> None:
    (problem,) = refusals("app.py:f", {"app.py": source})
    assert problem.file == "app.py"
    assert problem.message.encode()


@pytest.mark.parametrize(
    "source",
    [b"\xef\xbb\xbff = 1", b"# coding: latin-1\nf = '\xff'", b"f = '\\d'", b"f = 1\r\n", b"f = 1 is 1"],
)
def test_what_python_reads_is_accepted(source: bytes) -> None:
    deploy("app.py:f", {"app.py": source})


@given(
    st.binary(max_size=100) | st.text(alphabet="()[]{}:;=,. \n\tdefclassimportfromasxy'\"\\#*@", max_size=60)
)
def test_any_source_is_accepted_or_refused(source: bytes | str) -> None:
    content = source if isinstance(source, bytes) else source.encode()
    try:
        deploy(None, {"app.py": content})
    except InvalidManifest as error:
        reported = error.problems
    else:
        return
    assert [problem.file for problem in reported] == ["app.py"]
