"""What commands print: tables for people, JSON for programs.

1. With `--output json` standard output holds JSON and nothing else; remarks go to standard error.
2. Tables are never cut to the width of a terminal, so that an id can be copied whole and `grep` finds it.
3. Much of what is shown was written by others, such as the answer of a receiver, so control characters are
   spelled out: printed as they are they could rewrite the screen.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer

Output = Annotated[
    Literal["table", "json"],
    typer.Option("--output", "-o", help="For people (table) or for programs (json)."),
]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_GAP = "  "


def print_json(value: Any) -> None:
    """Print a value as JSON, indented."""
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)


def print_json_line(value: Any) -> None:
    """Print a value as one line of JSON, for values that come one after the other."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print aligned columns under their names, or a word when there is no row."""
    lines = [[show(cell) for cell in row] for row in rows]
    if not lines:
        print("There are none.")
        return
    lines.insert(0, [name.upper() for name in names])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print(_GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print one thing, a member a line."""
    width = max(map(len, fields))
    for name, value in fields.items():
        print(f"{name.ljust(width)}{_GAP}{show_time(value) if is_time(name) else show(value)}")


def remark(text: str) -> None:
    """Say something beside the result."""
    print(f"aetherflow: {show(text)}", file=sys.stderr)


def is_time(name: str) -> bool:
    """Whether a member of this name holds a moment."""
    return name.endswith("_at") or name == "timestamp"


def show_time(value: str | datetime | None) -> str:
    """Return a moment to the second, in UTC as the logs have it; what cannot be read is shown as it is."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return show(value)
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def show_milliseconds(value: float | None) -> str:
    """Return a span with as many digits as a person wants to see."""
    if value is None:
        return "-"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def show(value: Any) -> str:
    """Return a value as a cell of a table: one line without control characters."""
    if value in (None, "", [], {}):
        return "-"
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(show, value))
        case dict():
            return _CONTROL.sub(_spell, json.dumps(value, ensure_ascii=False))
        case _:
            return _CONTROL.sub(_spell, str(value))


def _spell(control: re.Match[str]) -> str:
    return ascii(control.group())[1:-1]
