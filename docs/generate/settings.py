"""docs/reference/settings.md, from the fields of `app.settings.Settings`."""

from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.settings import PREFIX, Settings
from docs.generate.text import code, page, table

INTRODUCTION = """
Every setting is an environment variable. An empty variable counts as an unset one, and a value that a setting
cannot have stops the start with exit status 3 and a message that names each such variable.

A secret can be handed over in a file instead: `{prefix}KEYRING_FILE=/run/secrets/keyring` reads the keyring from
there, and so with every setting that the table marks as a secret.
"""


def render() -> str:
    """Return the page."""
    rows = [row_of(name, field) for name, field in Settings.model_fields.items()]
    return page(
        "Settings",
        INTRODUCTION.format(prefix=PREFIX),
        table(["variable", "default", "values", "what it does"], rows),
    )


def row_of(name: str, field: FieldInfo) -> list[str]:
    """Return a setting's row."""
    return [
        code(PREFIX + name.upper()),
        default_of(field),
        values_of(field),
        str(field.description),
    ]


def default_of(field: FieldInfo) -> str:
    """Return the default as it would be written into the environment."""
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return "unset"
    return code(str(value).lower() if isinstance(value, bool) else value)


def values_of(field: FieldInfo) -> str:
    """Return which values are possible."""
    kinds = [kind for kind in get_args(field.annotation) or [field.annotation] if kind is not type(None)]
    if get_origin(field.annotation) is Literal:
        return ", ".join(code(kind) for kind in kinds)
    kind = kinds[0]
    if kind is SecretStr:
        return "secret"
    name = {str: "text", int: "whole number", float: "number", bool: f"{code('true')}, {code('false')}"}[kind]
    return f"{name}{bounds_of(field.metadata)}"


def bounds_of(metadata: list[Any]) -> str:
    """Return the limits of a number."""
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    found = {
        sign: getattr(constraint, sign)
        for constraint in metadata
        for sign in words
        if getattr(constraint, sign, None) is not None
    }
    if "ge" in found:
        # The stricter of two lower bounds says it all.
        found.pop("gt", None)
    return "".join(f", {words[sign]} {limit}" for sign, limit in found.items())
