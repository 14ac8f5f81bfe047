from aetherflow.testing import make_event, run
from program import on_payment, show_total

PAID = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"amount": 1250}}}


def test_a_payment_is_added_to_the_total() -> None:
    result = run(on_payment, make_event(json=PAID), values={"total": 100})
    assert result.values["total"] == 1350


def test_the_same_event_again_is_not_counted_again() -> None:
    first = run(on_payment, make_event(json=PAID))
    second = run(on_payment, make_event(json=PAID), values=first.values)
    assert second.values["total"] == 1250


def test_other_events_change_nothing() -> None:
    assert run(on_payment, make_event(json={"id": "evt_2", "type": "charge.refunded"})).values == {}


def test_the_total_is_answered() -> None:
    assert run(show_total, values={"total": 1250}).response.json() == {"total": 1250}
    assert run(show_total).response.json() == {"total": 0}
