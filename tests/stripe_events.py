"""Events of Stripe, in the shape in which its webhooks carry them, cut to what somebody looks at."""

import json
import time
from typing import Any

import httpx2

from tests.providers.genuine import sign_stripe

SECRET = "whsec_Xv3kq0TgLbAqJ8mWc1RzN5yE7uPs2HdF"
CUSTOMER = "cus_QXg1o8vcGmoR32"


def event(
    kind: str, subject: dict[str, Any], *, at: int = 1_790_000_000, name: str = "evt_1"
) -> dict[str, Any]:
    return {
        "id": name,
        "object": "event",
        "api_version": "2026-06-24",
        "created": at,
        "data": {"object": subject},
        "livemode": True,
        "type": kind,
    }


def subscription(status: str = "active", *, nickname: str | None = "team", **members: Any) -> dict[str, Any]:
    price = {
        "id": "price_1SKkcbTeam",
        "object": "price",
        "lookup_key": None,
        "nickname": nickname,
        "product": "prod_QoFiTeam",
    }
    return {
        "id": "sub_1Srpv5Team",
        "object": "subscription",
        "currency": "gbp",
        "customer": CUSTOMER,
        "items": {"object": "list", "data": [{"id": "si_1", "object": "subscription_item", "price": price}]},
        "status": status,
        **members,
    }


def customer(**members: Any) -> dict[str, Any]:
    return {
        "id": CUSTOMER,
        "object": "customer",
        "address": {
            "city": "Bristol",
            "country": "GB",
            "line1": "12 Mill Lane",
            "line2": None,
            "postal_code": "BS1 4ST",
            "state": None,
        },
        "email": "accounts@northwind-paper.example",
        "name": "Northwind Paper",
        **members,
    }


def invoice(**members: Any) -> dict[str, Any]:
    return {"id": "in_1MtHbE", "object": "invoice", "amount_paid": 4900, "customer": CUSTOMER, **members}


def send(http: httpx2.Client, url: str, told: Any, *, secret: str = SECRET) -> httpx2.Response:
    """Send an event as Stripe does."""
    body = json.dumps(told, indent=2).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"} | sign_stripe(
        secret, body, int(time.time())
    )
    return http.post(url, content=body, headers=headers)
