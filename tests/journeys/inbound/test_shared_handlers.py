"""Triggers that call the same function keep what is their own."""

from tests.journeys.inbound.deployments import deploy, session_of
from tests.services import Service

MANIFEST = """
version: v2
project:
  name: NAME
triggers:
  - name: patient
    type: webhook
    is_sync: true
    call: program.py:work
  - name: hasty
    type: webhook
    is_sync: true
    max_seconds: 1
    call: program.py:work
"""

PROGRAM = """
import time

def work(event):
    end = time.monotonic() + float(event.data.body.text)
    while time.monotonic() < end:
        pass
    return "done"
"""


def test_the_limit_of_a_trigger_is_its_own_although_another_calls_the_same_function(service: Service) -> None:
    shared = deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})
    cut = shared.call("hasty", content=b"20")
    assert cut.status_code == 500
    assert "more than 1 seconds" in session_of(service, cut)["error"]
    assert shared.call("patient", content=b"1.5").json() == "done"
