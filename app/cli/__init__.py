"""The command line `aetherflow`: where the parts are put together.

Commands import what they need when they run, so that `--help` is quick; see `app.cli.failures` for what the
exit statuses mean. A new command is one line in the `COMMANDS` of its file, a new group one line in `GROUPS`.
"""

import sys
from collections.abc import Sequence
from io import TextIOWrapper

import typer

from app.cli.diagnosis import commands as diagnosis
from app.cli.failures import ExitStatus, Failure, show_problem
from app.cli.installation import benchmarks, keyring, keys, workspaces
from app.cli.output import show
from app.cli.resources import (
    deliveries,
    deploying,
    endpoints,
    events,
    requests,
    sessions,
    triggering,
    variables,
    workflows,
)
from app.cli.serving import commands as serving
from app.cli.serving import trial
from app.cli.verification import verify
from app.errors import AetherFlowError, Misconfigured, Unavailable

# The heading of the help that commands stand under, with the commands.
COMMANDS = (
    ("Try it out", trial.COMMANDS),
    ("Run the service", serving.COMMANDS),
    ("Look after the installation", diagnosis.COMMANDS),
    ("Run workflows", deploying.COMMANDS),
    ("Run workflows", triggering.COMMANDS),
    ("Work with webhooks", verify.COMMANDS),
    ("Look after the installation", benchmarks.COMMANDS),
)

GROUPS = (
    ("Run workflows", workflows.group),
    ("Run workflows", variables.group),
    ("Run workflows", sessions.group),
    ("Run workflows", requests.group),
    ("Work with webhooks", events.group),
    ("Work with webhooks", endpoints.group),
    ("Work with webhooks", deliveries.group),
    ("Look after the installation", keys.group),
    ("Look after the installation", workspaces.group),
    ("Look after the installation", keyring.group),
)

# Options that a command does not know are for the program that it starts.
HANDED_ON = {"bench": {"allow_extra_args": True, "ignore_unknown_options": True}}


def build() -> typer.Typer:
    """Return the command line."""
    line = typer.Typer(
        name="aetherflow",
        help="Run webhook-triggered workflows and tell the world what happened.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for heading, commands in COMMANDS:
        for command in commands:
            name = command.__name__
            line.command(name, rich_help_panel=heading, context_settings=HANDED_ON.get(name))(command)
    for heading, group in GROUPS:
        line.add_typer(group, rich_help_panel=heading)
    return line


def main() -> None:
    """Run the command line and end the process with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # What others wrote may hold characters that a terminal cannot show. A closed stream is None.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(perform(sys.argv[1:]))


def perform(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; what a person did wrong becomes one line."""
    try:
        # Not standalone: errors would be printed in boxes, which no `grep` or log likes.
        return build()(list(arguments), prog_name="aetherflow", standalone_mode=False) or ExitStatus.OK
    except typer.TyperException as error:
        return complain_of_usage(error)
    except Failure as error:
        return complain(error.message, error.details, error.status)
    except Misconfigured as error:
        return complain(error.detail, (), ExitStatus(error.exit_status))
    except Unavailable as error:
        return complain(f"{error.detail}; see `aetherflow doctor`.", (), ExitStatus.UNREACHABLE)
    except AetherFlowError as error:
        problems = [
            show_problem(problem.message, path=problem.path, file=problem.file, line=problem.line)
            for problem in error.problems
        ]
        return complain(error.detail, problems, ExitStatus.FAILED)


def complain(message: str, details: Sequence[str], status: ExitStatus) -> int:
    """Say why a command failed, on one line and one for each detail, and return the exit status."""
    for line in (f"aetherflow: {show(message)}", *(f"  {show(detail)}" for detail in details)):
        print(line, file=sys.stderr)
    return status


def complain_of_usage(error: typer.TyperException) -> int:
    """Say how a command was used wrongly, and return the exit status."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "aetherflow"
    # Without a command there is no message: its help has been printed.
    if message := error.format_message().rstrip("."):
        print(f"aetherflow: {show(message)}. See `{command} --help`.", file=sys.stderr)
    return error.exit_code
