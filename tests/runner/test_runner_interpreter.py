"""Handlers run under the interpreter that the operator names, which need not have the service's packages."""

import venv
from pathlib import Path

from tests.journeys.inbound.deployments import deploy
from tests.services import embedded

MANIFEST = """
version: v2
project:
  name: NAME
triggers:
  - name: where
    type: webhook
    is_sync: true
    call: program.py:where
"""
PROGRAM = """
import importlib.util, sys
import aetherflow

def where(event):
    return {"prefix": sys.prefix, "has_service": importlib.util.find_spec("fastapi") is not None}
"""


def test_handlers_run_under_the_interpreter_that_is_named(folder: Path) -> None:
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    with embedded(folder, runner_python=str(environment / "bin" / "python")) as service:
        deployed = deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})
        found = deployed.call("where").json()
    assert found == {"prefix": str(environment), "has_service": False}
