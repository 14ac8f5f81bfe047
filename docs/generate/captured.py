"""Events as a running service sent them, kept in captured.json beside this file for the reference.

`python -m docs.capture` catches them anew. A type that no part of the service publishes yet is not among them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_suffix(".json")


def read() -> dict[str, dict[str, Any]]:
    """Return the whole body of one event of each type."""
    bodies: dict[str, dict[str, Any]] = json.loads(PATH.read_text())
    return bodies


def write(bodies: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep one event of each type."""
    PATH.write_text(json.dumps(bodies, indent=2, ensure_ascii=False) + "\n")
