"""docs/reference/cli.md, from the commands of `app.cli`."""

from collections.abc import Iterator

from typer import Context
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from app.cli import build
from docs.generate.text import code, page, table

INTRODUCTION = """
`aetherflow` takes its settings from the [environment](settings.md); where a command has a flag for one, the flag
wins. It works from any folder.

| exit status | meaning |
| --- | --- |
| 0 | done |
| 1 | what was asked for failed |
| 2 | the command was used wrongly |
| 3 | the configuration does not allow a start, or the schema needs `aetherflow migrate` |
| 4 | another process already serves this data folder |
| 5 | the server or the database cannot be reached |
"""


def render() -> str:
    """Return the page."""
    return page("Command line", INTRODUCTION, *sections_of(get_command(build()), "aetherflow"))


def sections_of(command: object, words: str) -> Iterator[str]:
    """Yield the section of a command, or those of the commands in a group."""
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from sections_of(inner, f"{words} {name}")
    elif isinstance(command, TyperCommand):
        yield section_of(command, words)


def section_of(command: TyperCommand, words: str) -> str:
    """Return the section of a command."""
    arguments = [one for one in command.params if isinstance(one, TyperArgument)]
    options = [one for one in command.params if isinstance(one, TyperOption) and not one.hidden]
    usage = [words, *(usage_of(one) for one in arguments), *(["[OPTIONS]"] if options else [])]
    parts = [f"## {words}", code(" ".join(usage)), str(command.help or "").strip()]
    if command.params:
        rows = [[code(usage_of(one)), one.help or ""] for one in arguments]
        context = Context(command)
        rows += [[option_names(one, context), one.help or ""] for one in options]
        parts.append(table(["", "meaning"], rows))
    return "\n\n".join(parts)


def usage_of(argument: TyperArgument) -> str:
    """Return how an argument stands in a command line."""
    name = str(argument.name).upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def option_names(option: TyperOption, context: Context) -> str:
    """Return an option's names with the kind of its value."""
    names = ", ".join([*option.opts, *option.secondary_opts])
    return code(names if option.is_flag else f"{names} {option.display_type(context)}")
