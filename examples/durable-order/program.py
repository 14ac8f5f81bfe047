"""An order in steps, each of which is done once, whatever dies in between."""

import os
import uuid

from aetherflow import Event, emit, sleep, step


class Declined(Exception):
    """The bank does not pay."""


def on_order(event: Event) -> dict[str, str]:
    """Take an order from the stock to the parcel service, or put everything back."""
    order = event.data.body.json
    # Recorded, so that the bank gets the same key when this line runs again after a crash.
    payment = str(uuid.uuid4())
    reserve(order.item)
    try:
        charge(order.card, payment)
    except Declined as reason:
        release(order.item)
        emit("order.declined", {"order": {"item": order.item, "reason": str(reason)}})
        return {"status": "declined"}
    sleep(float(os.environ["COOLING_OFF_SECONDS"]))
    parcel = ship(order.item)
    emit("order.shipped", {"order": {"item": order.item, "parcel": parcel}})
    return {"status": "shipped", "parcel": parcel}


@step("reserve")
def reserve(item: str) -> None:
    """Take the item out of the stock."""
    print(f"reserved {item}")


@step("charge")
def charge(card: str, payment: str) -> None:
    """Have the bank pay; the same payment again is not paid again."""
    if card == "declined":
        raise Declined("the card was declined")
    print(f"charged {card}")


@step("release")
def release(item: str) -> None:
    """Put the item back."""
    print(f"released {item}")


@step("ship")
def ship(item: str) -> str:
    """Hand the item over, and return the number of the parcel."""
    print(f"shipped {item}")
    return f"P-{uuid.uuid4().hex[:8]}"
