"""The vars and connections of a manifest: what becomes the environment of its handlers."""

import re

from app.rules.manifest.members import Members
from app.rules.manifest.model import ConnectionSpec, VarSpec

NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
NAME_RULE = "1 to 64 letters, digits and underscores"
# An environment string has at most 128 KiB on Linux, its name included (MAX_ARG_STRLEN).
MOST_VALUE_BYTES = 65_536

_DESCRIPTION_LIMIT = 1000
# These would change how the handler's process starts, or pass for what the service says to it.
_RESERVED_NAMES = frozenset({"PATH"})
_RESERVED_PREFIXES = ("AETHERFLOW_", "PYTHON", "LD_")


def is_var_name(name: str) -> bool:
    """Whether a variable of a handler's environment may be called so."""
    return NAME.fullmatch(name) is not None and not _is_reserved(name)


def read_vars(sections: list[Members], prefix: str = "") -> tuple[VarSpec, ...]:
    """Return the vars of these sections together; a name that stands twice is a mistake.

    `prefix` is what the environment puts before their names.
    """
    specs: dict[str, VarSpec] = {}
    for section in sections:
        for members in section.mappings("vars"):
            spec = _read_var(members, prefix)
            if spec.name in specs:
                members.refuse("name", f"There is another var {spec.name}.")
            elif spec.name:
                specs[spec.name] = spec
    return tuple(specs.values())


def read_connections(sections: list[Members]) -> tuple[ConnectionSpec, ...]:
    """Return the connections of these sections together; a name that stands twice is a mistake."""
    specs: dict[str, ConnectionSpec] = {}
    for section in sections:
        for members in section.mappings("connections"):
            name = members.named("name", NAME, rule=NAME_RULE) or ""
            spec = ConnectionSpec(
                name=name,
                integration=members.named("integration", NAME, rule=NAME_RULE) or "",
                vars=read_vars([members], prefix=f"{name}__"),
            )
            members.refuse_unknown()
            if spec.name in specs:
                members.refuse("name", f"There is another connection {spec.name}.")
            elif spec.name:
                specs[spec.name] = spec
    return tuple(specs.values())


def _read_var(members: Members, prefix: str) -> VarSpec:
    name = members.named("name", NAME, rule=NAME_RULE) or ""
    if _is_reserved(prefix + name):
        members.refuse("name", f"{name} is not for handlers to set: it belongs to the service or to Python.")
    value = members.raw("value")
    if value and len(value.encode()) > MOST_VALUE_BYTES:
        members.refuse("value", f"value must have at most {MOST_VALUE_BYTES} bytes.")
    spec = VarSpec(
        name=name,
        value=value,
        secret=members.flag("secret", default=False),
        description=members.text("description", most=_DESCRIPTION_LIMIT),
    )
    members.refuse_unknown()
    return spec


def _is_reserved(name: str) -> bool:
    return name in _RESERVED_NAMES or name.startswith(_RESERVED_PREFIXES)
