"""The workflow that `demo` and `dev` run: it answers its caller and works on, and the world hears of both."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aetherflow.webhooks import Client

from app.cli.failures import Failure
from app.cli.resources import hook_call
from app.cli.serving.demo_receiver import Receipt

TRIGGER = "hello"

MANIFEST = b"""version: v2
project:
  name: demo
triggers:
  - name: hello
    webhook: {}
    is_sync: true
    call: program.py:hello
"""

PROGRAM = b"""from aetherflow import custom_data, http_outcome, step


def hello(event):
    name = (event.body.json or {}).get("name", "World")
    http_outcome(json={"text": f"Hello, {name}!"})
    with step("Remember who was greeted"):
        custom_data(name=name)
"""

FILES = {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}

# What the world hears of a session of it, in this order.
EVENTS = ("workflow.executed", "workflow.completed")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the trigger: what it answered, and the session that goes on."""

    status: int
    text: str
    session_id: str

    def is_told_by(self, event_type: str) -> Callable[[Receipt], bool]:
        """Return what recognises the receipt of an event of this call's session."""
        return lambda receipt: receipt.event == event_type and self.session_id in receipt.body


def deploy(client: Client) -> dict[str, Any]:
    """Deploy the workflow, if it is not there yet, and return it with its `slug`."""
    deployed = client.workflows.deploy(FILES)
    [slug] = [trigger["slug"] for trigger in deployed["triggers"] if trigger["name"] == TRIGGER]
    return {**deployed["workflow"], "slug": slug}


def call(url: str, slug: str) -> Call:
    """Send the trigger a request, as any sender of webhooks would.

    Raises:
        Failure: it answered something else than it should.
        OSError: there is no connection.
    """
    body = json.dumps({"name": "Ada"}).encode()
    headers = [("Content-Type", "application/json")]
    answer = hook_call.send(f"{url}/webhooks/{slug}", method="POST", headers=headers, body=body)
    text = answer.body.decode(errors="replace")
    if answer.status != 200:
        raise Failure(f"the demo workflow answered {answer.status}: {text}")
    return Call(answer.status, text, answer.header("AetherFlow-Session-Id") or "")
