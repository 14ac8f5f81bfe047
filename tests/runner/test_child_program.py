"""The author's program: found by its path, called as its signature wants, and its mistakes told by its own lines."""

import functools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aetherflow import AetherFlowError, activity
from aetherflow.runner.program import call_handler, explain, load_handler, load_module

EVENT = object()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A deployment's folder on the path, as a child has it; its modules are forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, path: str, text: str = "def handler(event):\n    return __file__\n") -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


class Callables:
    """Handlers of every kind, each returning what it was given."""

    @staticmethod
    def static(event: Any) -> Any:
        return event

    @classmethod
    def of_class(cls, event: Any, session_id: str) -> Any:
        return event, session_id

    def method(self, event: Any) -> Any:
        return event

    def __call__(self, event: Any, *, session_id: str) -> Any:
        return event, session_id


class Asynchronous:
    async def __call__(self, event: Any) -> Any:
        return event


class Constructed:
    def __init__(self, event: Any) -> None:
        self.event = event

    def __eq__(self, other: object) -> bool:
        return other is self.event

    __hash__ = None  # type: ignore[assignment]


async def with_await(event: Any, session_id: str) -> Any:
    return event, session_id


@activity
def as_activity(event: Any) -> Any:
    return event


def defaults(event: Any = None, more: int = 7, session_id: str = "") -> Any:
    return event, more, session_id


def positional_only(event: Any, session_id: str, /) -> Any:
    return event, session_id


def keywords_only(*, event: Any, session_id: str) -> Any:
    return event, session_id


def everything(*arguments: Any, **named: Any) -> Any:
    return arguments, named


BOTH = (EVENT, "ses_1")


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda event: event, EVENT),
        (lambda anything: anything, EVENT),
        (lambda: 7, 7),
        (lambda event, session_id: (event, session_id), BOTH),
        (lambda session_id, event: (event, session_id), BOTH),
        (lambda session_id: session_id, "ses_1"),
        (lambda event, /: event, EVENT),
        (positional_only, BOTH),
        (keywords_only, BOTH),
        (defaults, (EVENT, 7, "ses_1")),
        (everything, ((EVENT,), {})),
        (
            lambda event, *rest, session_id, **named: (event, rest, session_id, named),
            (EVENT, (), "ses_1", {}),
        ),
        (functools.partial(defaults, more=8), (EVENT, 8, "ses_1")),
        (functools.partial(lambda first, event: (first, event), 1), (1, EVENT)),
        (Callables.static, EVENT),
        (Callables.of_class, BOTH),
        (Callables().method, EVENT),
        (Callables(), BOTH),
        (Constructed, EVENT),
        (with_await, BOTH),
        (Asynchronous(), EVENT),
        (as_activity, EVENT),
        (id, id(EVENT)),
        (functools.lru_cache(lambda event: event), EVENT),
    ],
)
def test_a_handler_gets_what_its_signature_wants(handler: Callable[..., Any], expected: Any) -> None:
    returned = call_handler(handler, EVENT, "ses_1")
    assert returned == expected


def test_a_signature_that_cannot_be_met_is_the_handlers_error() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'other'"):
        call_handler(lambda event, other: event, EVENT, "ses_1")


@pytest.mark.parametrize(
    "path", ["program.py", "handlers/orders.py", "a/b/c/d.py", "pkg/__init__.py", "class.py", "größe.py"]
)
def test_a_file_is_imported_under_the_name_that_the_program_itself_would_use(folder: Path, path: str) -> None:
    write(folder, path)
    handler = load_handler(f"{path}:handler", str(folder))
    assert handler(None) == str(folder / path)
    assert handler.__module__ == path[: -len(".py")].replace("/", ".")
    assert load_handler(f"{path}:handler", str(folder)) is handler


@pytest.mark.parametrize("path", ["my-program.py", "2nd.py", "with space/program.py", "a.b/program.py"])
def test_a_file_that_no_import_could_name_is_loaded_once(folder: Path, path: str) -> None:
    write(folder, path)
    handler = load_handler(f"{path}:handler", str(folder))
    assert handler(None) == str(folder / path)
    assert load_handler(f"{path}:handler", str(folder)) is handler


@pytest.mark.parametrize("path", ["json.py", "email.py", "test/program.py", "email/program.py", "types.py"])
def test_a_file_named_like_a_module_of_the_standard_library_is_found(folder: Path, path: str) -> None:
    write(folder, path)
    assert load_handler(f"{path}:handler", str(folder))(None) == str(folder / path)
    import email.message

    assert str(folder) not in str(email.message.__file__)
    assert json.loads("[1]") == [1]


def test_files_of_a_program_import_each_other(folder: Path) -> None:
    write(folder, "handlers/orders.py", "from handlers import prices\nimport shared\nhandler = prices.get\n")
    write(folder, "handlers/prices.py", "from .tables import TABLE\ndef get(event):\n    return TABLE\n")
    write(folder, "handlers/tables.py", "TABLE = 7\n")
    write(folder, "shared.py", "")
    assert load_handler("handlers/orders.py:handler", str(folder))(None) == 7


@pytest.mark.parametrize("path", ["program.py", "my-program.py", "json.py"])
def test_a_file_that_raises_while_it_is_imported_raises_again_in_the_next_session(
    folder: Path, path: str
) -> None:
    write(folder, path, "STARTED = True\nraise RuntimeError('no')\ndef handler(event):\n    pass\n")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            load_handler(f"{path}:handler", str(folder))


def test_what_a_package_of_the_author_misses_is_told_as_it_is(folder: Path) -> None:
    write(folder, "pkg/__init__.py", "import nowhere_to_be_found\n")
    write(folder, "pkg/program.py")
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        load_handler("pkg/program.py:handler", str(folder))


@pytest.mark.parametrize("name", ["missing", "NUMBER"])
def test_a_handler_that_is_not_there_is_told_by_file_and_name(folder: Path, name: str) -> None:
    write(folder, "program.py", "NUMBER = 7\n")
    with pytest.raises(AetherFlowError, match=rf"program\.py has no function `{name}`"):
        load_handler(f"program.py:{name}", str(folder))


def failure(folder: Path, text: str) -> dict[str, Any]:
    """Return what is told of the error that a program raises."""
    write(folder, "program.py", text)
    try:
        call_handler(load_handler("program.py:handler", str(folder)), EVENT, "ses_1")
    except BaseException as error:
        return explain(error, str(folder))
    raise AssertionError("it did not fail")


def test_a_traceback_shows_the_authors_lines_and_no_others(folder: Path) -> None:
    write(folder, "parts/reading.py", "import json\ndef read(text):\n    return json.loads(text)\n")
    told = failure(folder, "from parts.reading import read\ndef handler(event):\n    return read('{')\n")
    assert told["message"].startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert told["traceback"].split("\n")[:5] == [
        "Traceback (most recent call last):",
        '  File "program.py", line 3, in handler',
        "    return read('{')",
        '  File "parts/reading.py", line 3, in read',
        "    return json.loads(text)",
    ]
    assert str(folder) not in told["traceback"]
    assert "site-packages" not in told["traceback"]


def test_a_traceback_shows_what_led_to_the_error_first(folder: Path) -> None:
    told = failure(
        folder,
        """
def handler(event):
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError("no order") from error
""",
    )
    lines = told["traceback"].split("\n")
    assert lines.index("KeyError: 'missing'") < lines.index("ValueError: no order")
    assert told["message"] == "ValueError: no order"


CALLING = """
from aetherflow import IntegrationError


def call():
    raise IntegrationError("no", integration="ledger", error_code="TIMEOUT", retry_count=3)


def handler(event):
"""


@pytest.mark.parametrize(
    "lines",
    [
        "    call()",
        "    try:\n        call()\n    except IntegrationError as error:\n        raise KeyError from error",
    ],
)
def test_a_failed_call_of_an_integration_is_told_apart(folder: Path, lines: str) -> None:
    told = failure(folder, CALLING + lines)
    assert told["error"] == {"integration": "ledger", "error_code": "TIMEOUT", "retry_count": 3}


@pytest.mark.parametrize(
    "lines",
    [
        "    raise ValueError",
        "    try:\n        call()\n    except IntegrationError:\n        raise KeyError",
        "    try:\n        call()\n    except IntegrationError:\n        raise KeyError from None",
    ],
)
def test_another_error_is_not_blamed_on_an_integration(folder: Path, lines: str) -> None:
    assert "error" not in failure(folder, CALLING + lines)


def test_what_was_suppressed_is_not_shown(folder: Path) -> None:
    told = failure(
        folder,
        """
def handler(event):
    try:
        1 / 0
    except ZeroDivisionError:
        raise ValueError from None
""",
    )
    assert "ZeroDivisionError" not in told["traceback"]


def test_a_mistake_of_syntax_in_another_file_is_told_with_its_line(folder: Path) -> None:
    write(folder, "other.py", "a = 1\nb = = 2\n")
    told = failure(folder, "def handler(event):\n    import other\n")
    assert "SyntaxError" in told["message"]
    assert "line 2" in told["message"]


@pytest.mark.parametrize(
    "text",
    [
        "def handler(event):\n    return handler(event)\n",
        "def handler(event):\n    raise ValueError('x' * 1_000_000)\n",
        "def handler(event):\n    one, two = ValueError('one'), ValueError('two')\n"
        "    one.__context__, two.__context__ = two, one\n    raise one\n",
        "def handler(event):\n    error = None\n    for number in range(5000):\n        new = ValueError(number)\n"
        "        new.__cause__ = error\n        error = new\n    raise error\n",
        "class E(Exception):\n    def __str__(self):\n        raise RuntimeError\ndef handler(event):\n    raise E\n",
    ],
    ids=["a recursion", "a long message", "a ring of causes", "a long chain of causes", "no text"],
)
def test_an_error_of_any_size_is_told_within_bounds(folder: Path, text: str) -> None:
    told = failure(folder, text)
    assert len(told["message"]) < 20_000
    assert len(told["traceback"]) < 65_536
    assert 'File "program.py"' in told["traceback"]


def test_a_module_is_one_whoever_imports_it(folder: Path) -> None:
    write(folder, "program.py", "import state\ndef handler(event):\n    return state\n")
    write(folder, "state.py", "")
    assert load_handler("program.py:handler", str(folder))(None) is load_module("state.py", str(folder))
