"""A synchronous API: the caller waits for what the handler answers."""

import os

from aetherflow import Event, http_outcome


def greet(event: Event) -> None:
    """Greet whom the body names."""
    body = event.data.body.json
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        http_outcome(400, json={"error": 'Send a JSON object such as {"name": "Alice"}.'})
        return
    http_outcome(json={"message": f"{os.environ['GREETING']}, {body.name}!"})
    # The caller has the answer by now, and does not wait for this.
    print(f"greeted {body.name}")
