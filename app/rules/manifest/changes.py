"""What a deployment changes, compared with the manifest that is in force."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.errors import InvalidManifest, Problem
from app.rules.manifest.model import ConnectionSpec, Manifest, TriggerSpec, VarSpec
from app.rules.manifest.reading import Reading

Action = Literal["create", "update", "delete", "keep"]
Kind = Literal["workflow", "trigger", "var", "connection"]

_Specs = Sequence[TriggerSpec | VarSpec | ConnectionSpec]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one thing."""

    action: Action
    kind: Kind
    name: str


def plan_changes(before: Manifest | None, after: Manifest) -> list[Change]:
    """Return what becomes of the workflow and of each thing in either manifest, in the order of `after`.

    What is only in `before` is deleted, and comes last of its kind. The workflow is updated when something
    that is its own changes, such as its display name; not when a trigger does.
    """
    own = [_own_of(manifest) for manifest in (before, after) if manifest]
    action: Action = "create" if before is None else "keep" if own[0] == own[1] else "update"
    return [
        Change(action, "workflow", after.name),
        *_compare("trigger", before.triggers if before else (), after.triggers),
        *_compare("var", before.vars if before else (), after.vars),
        *_compare("connection", before.connections if before else (), after.connections),
    ]


def refuse_changed_types(before: Manifest, reading: Reading) -> None:
    """Do nothing when each trigger that there was before still has its type.

    Raises:
        InvalidManifest: with every trigger that became another type; its URL or schedule cannot go over.
    """
    types = {trigger.name: trigger.type for trigger in before.triggers}
    problems = [
        Problem(
            "",
            f"The trigger {trigger.name} is a {types[trigger.name]}, and cannot become a {trigger.type}."
            " Give the new one another name.",
            file=reading.file,
            line=reading.trigger_lines[trigger.name],
        )
        for trigger in reading.manifest.triggers
        if types.get(trigger.name, trigger.type) != trigger.type
    ]
    if problems:
        raise InvalidManifest("A trigger cannot change its type. Nothing was changed.", problems=problems)


def _own_of(manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"vars": (), "connections": (), "triggers": ()})


def _compare(kind: Kind, before: _Specs, after: _Specs) -> Iterator[Change]:
    old = {spec.name: spec for spec in before}
    for spec in after:
        known = old.pop(spec.name, None)
        yield Change("create" if known is None else "keep" if known == spec else "update", kind, spec.name)
    for name in old:
        yield Change("delete", kind, name)
