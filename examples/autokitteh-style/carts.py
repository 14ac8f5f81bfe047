"""A program for AutoKitteh, which runs here as it is."""

import json
import os
import time
from datetime import timedelta

import autokitteh
from autokitteh import AutoKittehError, next_event, subscribe


def on_cart(event):
    """Answer a caller who waits."""
    try:
        cart = json.loads(event.data.body.text)
    except ValueError:
        autokitteh.http_outcome(status_code=400, body="Invalid JSON")
        return

    if len(cart["items"]) > int(os.getenv("MAX_ITEMS")):
        autokitteh.http_outcome(status_code=422, body="Too many items")
        return

    autokitteh.http_outcome(
        status_code=201,
        headers={"Content-Type": "application/json", "Location": f"/carts/{cart['id']}"},
        body=json.dumps({"id": cart["id"], "items": len(cart["items"])}),
    )


def on_abandoned_cart(event):
    """Durable, since this manifest is v1: waits for the check-out, then sends a reminder."""
    cart = event.data.body.json["id"]
    subscription = subscribe("checkout", f'data.body.json.id == "{cart}"')
    bought = next_event(subscription, timeout=timedelta(seconds=1))
    if bought:
        autokitteh.set_value(cart, "bought")
        return

    time.sleep(0.1)
    try:
        send_reminder(cart)
    except AutoKittehError as error:
        print(f"no reminder: {error}")
        return
    autokitteh.set_value(cart, "reminded")


@autokitteh.activity
def send_reminder(cart):
    """Send a mail, once, even if the session is run again."""
    print(f"Dear customer, your cart {cart} is waiting.")
