"""The command line `aetherflow`: where the parts are put together.

Exit statuses: 0 ok, 1 what was asked failed, 2 usage, 3 configuration or migration, 4 already running,
5 unreachable. Commands import what they need when they run, so that `--help` is quick.
"""

import sys

import typer

from app.cli import serving
from app.errors import AetherFlowError, Misconfigured, Unavailable

COMMANDS = (*serving.COMMANDS,)

UNREACHABLE = 5


def build() -> typer.Typer:
    """Return the command line."""
    line = typer.Typer(
        name="aetherflow",
        help="Run webhook-triggered workflows and tell the world what happened.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for command in COMMANDS:
        line.command(command.__name__.replace("_", "-"))(command)
    return line


def main() -> None:
    """Run the command line."""
    try:
        build()()
    except Misconfigured as error:
        sys.stderr.write(f"aetherflow: {error.detail}\n")
        sys.exit(error.exit_status)
    except Unavailable as error:
        sys.stderr.write(f"aetherflow: {error.detail}\n")
        sys.exit(UNREACHABLE)
    except AetherFlowError as error:
        sys.stderr.write(f"aetherflow: {error.detail}\n")
        sys.exit(1)
