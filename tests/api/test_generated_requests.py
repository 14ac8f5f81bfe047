"""Requests that schemathesis makes up from `/openapi.json`, right ones and wrong ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.deployments import Sample
from tests.services import Service
from tests.waiting import until

# An endpoint that leads to a trigger would have sessions start each other, each with two events, by the thousand.
HOOKS = """
import schemathesis

@schemathesis.hook
def filter_body(context, body):
    return not (isinstance(body, dict) and "/webhooks/" in str(body.get("url")))
"""

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")

# Valid by the description is not always valid: a cursor of no list, a URL that is blocked, a key used twice.
# `/events/batch` is also the path of an event called batch, which is described elsewhere.
NOT_CHECKED = "positive_data_acceptance,allow_header_conformance"

RUN_SECONDS = 240
# A test event that is waited for may take the ten seconds of an attempt.
ANSWER_SECONDS = 30
DRAIN_SECONDS = 60

# It learns the names and the URLs of triggers from answers and calls them, so nothing here may go on for long.
FILES = {
    "aetherflow.yaml": """
version: v2
project:
  name: generated
  vars:
    - {name: TOKEN, secret: true}
triggers:
  - {name: background, webhook: {}, call: "program.py:handle"}
  - {name: answered, webhook: {}, is_sync: true, call: "program.py:handle"}
  - {name: durable, webhook: {}, is_durable: true, call: "program.py:handle"}
  - {name: picky, webhook: {}, filter: data.body.json.size > 3, call: "program.py:handle"}
  - {name: calls_nothing, webhook: {}}
""",
    "program.py": """
from aetherflow import step

def handle(event):
    with step("count"):
        print("counting")
    return {"done": True}
""",
}


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS + DRAIN_SECONDS + 30)
@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_no_request_breaks_the_service_or_gets_an_answer_that_is_not_described(
    service: Service, folder: Path
) -> None:
    endpoint = service.api.post("/endpoints", json={"url": "http://127.0.0.1:9/"}).json()["id"]
    test = service.api.post(f"/endpoints/{endpoint}/test").json()
    sample = Sample(service, service.api, FILES)
    session = sample.begin("background")
    invited = service.api.post("/invitations", json={"email": "ada@example.com", "role": "owner"}).json()
    joined = {"name": "Ada", "password": "correct horse"}
    member = service.api.post(f"/invitations/{invited['token']}/accept", json=joined).json()
    config = {"base_url": "http://127.0.0.1:9/"}
    made = service.api.post("/integrations", json={"name": "ledger", "kind": "http", "config": config})
    integration = made.json()
    ids = {
        "member_id": member["id"],
        "invitation_id": invited["id"],
        "token": invited["token"],
        "endpoint_id": endpoint,
        "integration_id": integration["id"],
        "event_id": test["event_id"],
        "delivery_id": test["delivery_id"],
        "workflow_id": sample.id,
        "var_name": "TOKEN",
        "session_id": session["id"],
        "request_id": session["request_id"],
    }
    lines = [f'"path.{name}" = "{value}"' for name, value in ids.items()]
    (folder / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines]))
    (folder / "generated_hooks.py").write_text(HOOKS)
    done = subprocess.run(
        [
            *[str(SCHEMATHESIS), "run", f"{service.url}/openapi.json", "--no-color", "--workers", "2"],
            *["--header", f"Authorization: Bearer {service.api_key}"],
            # What the paths name must stay.
            *["--exclude-method", "DELETE"],
            *["--request-timeout", str(ANSWER_SECONDS)],
            *["--phases", "coverage,fuzzing", "--max-examples", "10"],
            *["--checks", "all", "--exclude-checks", NOT_CHECKED],
        ],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "generated_hooks", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "request_failed" not in "".join(service.logs().values())
    # It has made endpoints of triggers, which start each other as often as they may.
    while endpoints := service.api.get("/endpoints", params={"limit": 100}).json()["data"]:
        for endpoint in endpoints:
            service.api.delete(f"/endpoints/{endpoint['id']}").raise_for_status()
    until(
        lambda: not unfinished(service),
        what="all sessions that it started have ended",
        timeout_seconds=DRAIN_SECONDS,
    )


def unfinished(service: Service) -> list[object]:
    """Return sessions of the workspace that have not ended; other tests share the places that they hold."""
    found = [
        service.api.get("/sessions", params={"status": status}).raise_for_status().json()["data"]
        for status in ("created", "running", "waiting")
    ]
    return [session for sessions in found for session in sessions]
