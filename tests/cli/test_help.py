"""Help, and what is used wrongly."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from app.cli import build, perform
from tests.services import run


def commands() -> Iterator[list[str]]:
    """Yield the words of every command and group."""
    line = get_command(build())
    assert isinstance(line, TyperGroup)
    for name, command in line.commands.items():
        yield [name]
        if isinstance(command, TyperGroup):
            yield from ([name, inner] for inner in command.commands)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert perform([*words, "--help"]) == 0
    assert f"Usage: aetherflow {' '.join(words)}" in capsys.readouterr().out


def test_help_is_quick_because_nothing_heavy_is_imported_for_it() -> None:
    heavy = ["aetherflow", "asyncio", "fastapi", "pydantic", "redis", "sqlalchemy", "structlog", "uvicorn"]
    program = (
        f"import app.cli, sys; app.cli.build(); print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-command"], "No such command 'no-such-command'"),
        (["events", "sned"], "Did you mean 'send'?"),
        (["events", "send"], "Missing argument 'TYPE'"),
        (["events", "list", "--limit", "many"], "Invalid value for '--limit'"),
        (["events", "list", "--output", "xml"], "Invalid value for '--output'"),
        (["deliveries", "show", ".."], "is no id"),
        (["up", "--no-such-option"], "No such option: --no-such-option"),
    ],
    ids=str,
)
def test_wrong_use_is_told_in_one_line_with_exit_status_2(arguments: list[str], said: str) -> None:
    done = run(*arguments, environment={})
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.startswith("aetherflow: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["events"]], ids=str)
def test_without_a_command_there_is_help(arguments: list[str]) -> None:
    done = run(*arguments, environment={})
    assert done.returncode == 2
    assert "Usage: aetherflow" in done.stdout + done.stderr
