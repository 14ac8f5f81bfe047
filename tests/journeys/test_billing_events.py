"""What changes the billing profile, by hand or by a payment provider, is told to who subscribes, once."""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from aetherflow.webhooks import Webhook

from tests.eventually import eventually
from tests.receivers import Receiver, receiver
from tests.services import Service
from tests.stripe_events import SECRET, customer, event, invoice, send, subscription

numbers = itertools.count(1)


class Subscriber:
    """A receiver of `billing.*`, and a client of its workspace."""

    def __init__(self, api: httpx2.Client, there: Receiver) -> None:
        self.api = api
        self._there = there
        made = api.post("/endpoints", json={"url": there.url, "events": ["billing.*"]}).raise_for_status()
        self._verifier = Webhook(made.json()["secret"])

    async def take(self, count: int) -> dict[str, Any]:
        """Return the data of the newest event, once there are so many and no more."""
        await eventually(lambda: len(self._there.requests) >= count, what=f"event {count} arrives")
        assert len(self._there.requests) == count
        request = self._there.requests[-1]
        self._verifier.verify(request.body, dict(request.headers))
        body = json.loads(request.body)
        assert body["event"] == "billing.updated"
        data: dict[str, Any] = body["data"]
        return data


@pytest.fixture
async def subscriber(service: Service) -> AsyncIterator[Subscriber]:
    made = service.api.post("/workspaces", json={"name": f"billed {next(numbers)}"}).json()
    async with receiver() as there:
        with service.client(made["api_key"]) as api:
            yield Subscriber(api, there)


async def test_a_profile_changed_by_hand_is_told_with_what_changed(subscriber: Subscriber) -> None:
    profile = {"company": "Northwind Paper", "tax_id": "GB123454821"}
    for _ in range(2):
        subscriber.api.patch("/billing", json=profile).raise_for_status()
    told = await subscriber.take(1)
    assert (told["billing"]["name"], told["billing"]["tax_id"]) == ("Northwind Paper", "****4821")
    assert told["changes"] == {
        "company": {"from": None, "to": "Northwind Paper"},
        "tax_id": {"from": None, "to": "****4821"},
    }
    subscriber.api.patch("/billing", json={**profile, "status": "past_due"}).raise_for_status()
    assert (await subscriber.take(2))["changes"] == {"status": {"from": "active", "to": "past_due"}}


async def test_the_webhooks_of_a_payment_provider_are_told_once_and_forged_ones_never(
    service: Service, subscriber: Subscriber
) -> None:
    provider = {"provider": "stripe", "secret": SECRET}
    url = subscriber.api.put("/billing/payments", json=provider).raise_for_status().json()["url"]
    created = event("customer.subscription.created", subscription("trialing"), at=1, name="evt_1")
    failed = event("invoice.payment_failed", invoice(), at=2, name="evt_2")

    assert send(service.http, url, created, secret=f"{SECRET}x").status_code == 401
    for _ in range(2):
        assert send(service.http, url, created).status_code == 200
    assert (await subscriber.take(1))["changes"] == {
        "plan": {"from": "free", "to": "team"},
        "status": {"from": "active", "to": "trialing"},
        "currency": {"from": None, "to": "GBP"},
    }

    for told in (failed, created):
        assert send(service.http, url, told).status_code == 200
    assert (await subscriber.take(2))["changes"] == {"status": {"from": "trialing", "to": "past_due"}}

    assert send(service.http, url, event("customer.updated", customer(), name="evt_3")).status_code == 200
    assert (await subscriber.take(3))["billing"]["name"] == "Northwind Paper"
