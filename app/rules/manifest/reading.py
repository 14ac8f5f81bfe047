"""From the files of a deployment to what its manifest says, or to everything that is wrong with it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from app.rules.manifest.calls import Call, find_fault
from app.rules.manifest.document import MapNode, parse_document
from app.rules.manifest.findings import Findings
from app.rules.manifest.members import Members
from app.rules.manifest.model import Manifest
from app.rules.manifest.sources import read_bindings
from app.rules.manifest.triggers import Limits, TriggersRead, read_triggers
from app.rules.manifest.variables import read_connections, read_vars

# Where a manifest may stand; the first that is there is read.
MANIFEST_NAMES = ("aetherflow.yaml", "autokitteh.yaml")

_PROJECT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PROJECT_NAME_RULE = "a letter or an underscore, and then at most 63 letters, digits, - and _"
_DISPLAY_NAME_LIMIT = 200
_HOOK_MAX_BYTES = 524_288

_Version = Literal["v1", "v2"]
_VERSIONS: tuple[_Version, ...] = ("v1", "v2")


@dataclass(frozen=True, slots=True)
class Reading:
    """A manifest that is right, what its author should know nevertheless, and where its triggers stand."""

    manifest: Manifest
    warnings: list[str]
    file: str
    """The path of the manifest."""
    trigger_lines: Mapping[str, int]
    """The line of each trigger's type, by its name."""


def read_manifest(
    files: Mapping[str, bytes], *, providers: Collection[str], most_body_bytes: int = _HOOK_MAX_BYTES
) -> Reading:
    """Return what the manifest among these files says.

    `files` are the contents by relative path. `providers` are the names that `verify` may give, and
    `most_body_bytes` is the most that `max_body` may ask for.

    Raises:
        InvalidManifest: with every mistake in the manifest, in what it calls, and in the Python files.
    """
    findings = _find_manifest(files)
    draft = _read_draft(files, findings, Limits(providers, most_body_bytes))
    _check_code(files, draft.triggers.calls if draft else [], findings)
    if draft is None or findings.problems:
        raise findings.refusal()
    return Reading(
        manifest=draft.manifest,
        warnings=findings.warnings,
        file=findings.manifest_name,
        trigger_lines={name: members.line_of("type") for name, members in draft.triggers.members.items()},
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A manifest that may have mistakes, all of which have been found."""

    manifest: Manifest
    triggers: TriggersRead


def _find_manifest(files: Mapping[str, bytes]) -> Findings:
    there = [name for name in MANIFEST_NAMES if name in files]
    findings = Findings(there[0] if there else MANIFEST_NAMES[0])
    for ignored in there[1:]:
        findings.warn(f"{ignored} is not read, because there is {there[0]}.")
    return findings


def _read_draft(files: Mapping[str, bytes], findings: Findings, limits: Limits) -> _Draft | None:
    content = files.get(findings.manifest_name)
    if content is None:
        findings.refuse(None, f"There is no {findings.manifest_name} at the top of the files{_hint(files)}.")
        return None
    root = parse_document(content, findings)
    if isinstance(root, MapNode):
        return _read_top(Members(root, "", findings), findings, limits)
    if root:
        findings.refuse(root.line, "A manifest is a mapping that has version and project.")
    return None


def _hint(files: Mapping[str, bytes]) -> str:
    """Where a manifest is instead, which happens when a folder is packed from outside."""
    below = sorted(path for path in files if path.endswith(tuple(f"/{name}" for name in MANIFEST_NAMES)))
    return f", only {below[0]}; pack what is in the folder, not the folder" if below else ""


def _read_top(top: Members, findings: Findings, limits: Limits) -> _Draft:
    version = top.one_of("version", _VERSIONS)
    project = top.mapping("project")
    if top.is_null("project"):
        top.refuse("project", "project is missing; it holds at least the name.")
    sections = [top, project] if project else [top]
    variables = read_vars(sections)
    triggers = read_triggers(sections, findings, is_durable=version == "v1", limits=limits)
    manifest = Manifest(
        version=version or "v2",
        name=(project and project.named("name", _PROJECT_NAME, rule=_PROJECT_NAME_RULE)) or "",
        display_name=project.text("display_name", most=_DISPLAY_NAME_LIMIT) if project else None,
        vars=variables,
        connections=read_connections(sections),
        triggers=tuple(triggers.specs),
    )
    for section in sections:
        section.refuse_unknown()
    _check_secrets(manifest, triggers)
    return _Draft(manifest, triggers)


def _check_secrets(manifest: Manifest, triggers: TriggersRead) -> None:
    declared = {spec.name for spec in manifest.vars}
    for spec in triggers.specs:
        if spec.verify and spec.verify.secret and spec.verify.secret not in declared:
            verify = triggers.members[spec.name].mapping("verify")
            if verify:
                verify.refuse("secret", f"There is no var {spec.verify.secret}; declare it under vars.")


def _check_code(files: Mapping[str, bytes], calls: list[tuple[Members, Call]], findings: Findings) -> None:
    bindings = read_bindings(files, {call.path for _, call in calls}, findings)
    for members, call in calls:
        fault = find_fault(call, files, bindings)
        if fault:
            members.refuse("call", fault)
