from aetherflow.testing import Result, make_event, run
from program import on_order


def order(card: str) -> Result:
    event = make_event(json={"item": "lamp", "card": card})
    return run(on_order, event, env={"COOLING_OFF_SECONDS": "3600"}, is_durable=True)


def test_an_order_is_reserved_charged_and_shipped_in_this_order() -> None:
    result = order("4242")
    assert [step.name for step in result.steps] == ["reserve", "charge", "ship"]
    assert result.waited_seconds == 3600
    ((event_type, data),) = result.emitted
    assert event_type == "order.shipped"
    assert data["order"]["parcel"] == result.returned["parcel"]


def test_a_declined_card_puts_the_item_back() -> None:
    result = order("declined")
    assert [(step.name, step.status) for step in result.steps] == [
        ("reserve", "completed"),
        ("charge", "failed"),
        ("release", "completed"),
    ]
    assert result.waited_seconds == 0
    assert result.returned == {"status": "declined"}
