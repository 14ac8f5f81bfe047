from aetherflow.testing import make_event, run
from carts import on_abandoned_cart, on_cart

ENV = {"MAX_ITEMS": "3"}
CART = make_event(json={"id": "c1"})


def test_a_cart_is_created() -> None:
    result = run(on_cart, make_event(json={"id": "c1", "items": ["a", "b"]}), env=ENV)
    assert result.response.status_code == 201
    assert result.response.headers["Location"] == "/carts/c1"
    assert result.response.json() == {"id": "c1", "items": 2}


def test_what_is_no_json_or_too_much_is_refused() -> None:
    assert run(on_cart, make_event(body="{"), env=ENV).response.status_code == 400
    assert run(on_cart, make_event(json={"id": "c1", "items": [1] * 4}), env=ENV).response.status_code == 422


def test_a_customer_who_buys_is_not_reminded() -> None:
    result = run(on_abandoned_cart, CART, triggers={"checkout": [CART]}, is_durable=True)
    assert result.values == {"c1": "bought"}
    assert result.prints == []


def test_a_customer_who_does_not_is() -> None:
    result = run(on_abandoned_cart, CART, triggers={"checkout": []}, is_durable=True)
    assert result.values == {"c1": "reminded"}
    assert result.prints == ["Dear customer, your cart c1 is waiting."]
