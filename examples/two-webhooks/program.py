"""One request is answered with what another one brings."""

import json
from datetime import timedelta

from aetherflow import Event, http_outcome, next_event, subscribe


def checkout(event: Event) -> None:
    """Keep the caller waiting until the bank confirms the order, for half a minute at most."""
    order = (event.data.body.json or {}).get("order")
    if not isinstance(order, str):
        http_outcome(400, json={"error": 'Send a JSON object such as {"order": "A-1"}.'})
        return
    # From here on no confirmation of this order is missed, however long it takes to wait for it.
    confirmations = subscribe("confirmed", filter=f"data.body.json.order == {quoted(order)}")
    confirmation = next_event(confirmations, timeout=timedelta(seconds=30))
    if confirmation is None:
        http_outcome(504, json={"order": order, "error": "The bank has not confirmed."})
    else:
        http_outcome(json={"order": order, "reference": confirmation.body.json.reference})


def quoted(text: str) -> str:
    """Return a text as a literal of CEL, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)
