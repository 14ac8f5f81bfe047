"""The manifest of a deployment: what it may say, what is wrong with one, and what it changes.

`read_manifest` checks the manifest together with the files that come with it, and finds every mistake at
once, each with its file and line. What it returns has been checked to the end: the calls lead somewhere, the
filters compile, the schedules fire.
"""

from app.rules.manifest.changes import Change, plan_changes, refuse_changed_types
from app.rules.manifest.model import ConnectionSpec, Manifest, TriggerSpec, VarSpec, VerifySpec
from app.rules.manifest.reading import MANIFEST_NAMES, Reading, read_manifest
from app.rules.manifest.requirements import read_requirements
from app.rules.manifest.variables import MOST_VALUE_BYTES, is_var_name

__all__ = [
    "MANIFEST_NAMES",
    "MOST_VALUE_BYTES",
    "Change",
    "ConnectionSpec",
    "Manifest",
    "Reading",
    "TriggerSpec",
    "VarSpec",
    "VerifySpec",
    "is_var_name",
    "plan_changes",
    "read_manifest",
    "read_requirements",
    "refuse_changed_types",
]
