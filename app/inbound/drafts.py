"""Drafts of deployments: files that have been judged whole, before anything is written."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from app.providers import PROVIDERS
from app.rules.manifest import MANIFEST_NAMES, Manifest, Reading, read_manifest, read_requirements
from app.wiring import Wiring

# Compiling tells of odd code by warnings, which a process has only one of.
_judging = threading.Lock()


@dataclass(frozen=True, slots=True)
class Draft:
    """Files that make a deployment, judged and digested; secrets are taken out of what will be stored."""

    reading: Reading
    files: Mapping[str, bytes]
    digests: Mapping[str, str]
    digest: str
    secret_values: Mapping[str, str]
    manifest: Manifest


def draft_deployment(files: Mapping[str, bytes], *, most_body_bytes: int) -> Draft:
    """Judge files. Takes a while for many of them, and no transaction should be open.

    Raises:
        InvalidManifest: with every mistake.
    """
    with _judging:
        reading = read_manifest(
            files, providers=[provider.name for provider in PROVIDERS], most_body_bytes=most_body_bytes
        )
    secret_values, manifest = take_secrets(reading.manifest)
    kept = {
        path: content for path, content in files.items() if not secret_values or path not in MANIFEST_NAMES
    }
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(kept.items())}
    told = json.dumps([reading.manifest.model_dump(mode="json"), digests], sort_keys=True)
    return Draft(reading, kept, digests, hashlib.sha256(told.encode()).hexdigest(), secret_values, manifest)


def take_secrets(manifest: Manifest) -> tuple[dict[str, str], Manifest]:
    """Return the values of secret variables, and the manifest without them."""
    values: dict[str, str] = {}
    variables = []
    for spec in manifest.vars:
        if spec.secret and spec.value is not None:
            values[spec.name] = spec.value
            spec = spec.model_copy(update={"value": None})
        variables.append(spec)
    connections = []
    for connection in manifest.connections:
        own = []
        for spec in connection.vars:
            if spec.secret and spec.value is not None:
                values[f"{connection.name}__{spec.name}"] = spec.value
                spec = spec.model_copy(update={"value": None})
            own.append(spec)
        connections.append(connection.model_copy(update={"vars": tuple(own)}))
    return values, manifest.model_copy(update={"vars": tuple(variables), "connections": tuple(connections)})


def warn_of_requirements(files: Mapping[str, bytes], *, wiring: Wiring) -> list[str]:
    """Return what the author should know of requirements that nobody will install."""
    text = files.get("requirements.txt")
    if text is None or wiring.settings.runner_install:
        return []
    missing = [name for name in read_requirements(text.decode(errors="replace")) if not is_installed(name)]
    if not missing:
        return []
    return [
        f"requirements.txt: {', '.join(missing)} cannot be imported here: installing is off "
        "(AETHERFLOW_RUNNER_INSTALL)"
    ]


def is_installed(name: str) -> bool:
    """Whether a distribution is there beside the service, where handlers find it."""
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
