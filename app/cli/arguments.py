"""Kinds of arguments that several commands take."""

import json
from pathlib import Path
from typing import Annotated

import typer


def require_id(value: str) -> str:
    """Return an id that can stand in a path."""
    if value in ("", ".", ".."):
        raise typer.BadParameter("is no id")
    return value


def require_ids(values: list[str]) -> list[str]:
    """Return ids that can stand in a path."""
    return [require_id(value) for value in values]


Limit = Annotated[int, typer.Option("--limit", min=1, help="How many to show at most.")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", help="Go on where an earlier list ended (its next_cursor).")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="From this moment on, such as 2026-01-31T09:30:00Z."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before this moment.")]


def read_text(given: str, *, option: str) -> bytes:
    """Return what an option gives: its text, or with a leading `@` the bytes of a file.

    Raises:
        typer.BadParameter: the file cannot be read.
    """
    if not given.startswith("@"):
        # Bytes of the command line that are no UTF-8 come as lone surrogates; this brings them back.
        return given.encode(errors="surrogateescape")
    return read_file(given[1:], option=option)


def read_file(path: str, *, option: str) -> bytes:
    """Return the bytes of a file that an option names.

    Raises:
        typer.BadParameter: the file cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {path}: {error.strerror}", param_hint=option) from None


def read_json(given: str, *, option: str) -> bytes:
    """Return JSON that an option gives, byte by byte as it was written.

    Raises:
        typer.BadParameter: it is no JSON, or the file that it names cannot be read.
    """
    text = read_text(given, option=option)
    try:
        json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"is no JSON: {error}", param_hint=option) from None
    return text
