"""Webhooks whose signature the service has checked, before anything of them was stored."""

from aetherflow import Event, add_values, check_and_set_value, get_value


def on_payment(event: Event) -> None:
    """Add a payment up. Whoever sent it knows the secret, or the service would have answered 401."""
    payment = event.data.body.json
    if payment.type != "payment_intent.succeeded":
        print(f"nothing to do for {payment.type}")
        return
    # Stripe sends an event again when it is not sure that it came, so each is counted by its id.
    if not check_and_set_value(f"seen/{payment.id}", None, True):
        print(f"{payment.id} was counted before")
        return
    total = add_values("total", payment.data.object.amount)
    print(f"{payment.id} makes {total}")


def show_total(event: Event) -> dict[str, int]:
    """Answer with what has been paid, in cents: a returned value is the answer, if nothing else was."""
    return {"total": get_value("total") or 0}
