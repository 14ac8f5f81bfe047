"""What is published arrives to the letter, signed, and is shown the same."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest
import standardwebhooks
from aetherflow.webhooks import Webhook, verify_signature

from tests.eventually import eventually
from tests.receivers import Receiver, Request, receiver

# `data` as it is written, and as it must arrive.
WRITTEN = [
    ("{}", "{}"),
    ('{"n": 9007199254740993}', '{"n":9007199254740993}'),
    ('{"n": -9007199254740993}', '{"n":-9007199254740993}'),
    ('{"n": 18446744073709551617}', '{"n":18446744073709551617}'),
    ('{"n": ' + "9" * 400 + "}", '{"n":' + "9" * 400 + "}"),
    ('{"n": 1.10, "m": 1.0, "z": -0, "f": 0.1000}', '{"n":1.10,"m":1.0,"z":-0,"f":0.1000}'),
    ('{"n": 1E5, "m": 1e+05, "l": 1e-7, "k": 1e999}', '{"n":1E5,"m":1e+05,"l":1e-7,"k":1e999}'),
    ('{"a": 1, "a": 2, "a": {"a": 3, "a": 4}}', '{"a":1,"a":2,"a":{"a":3,"a":4}}'),
    ('{"b": 1, "a": 2, "": 3}', '{"b":1,"a":2,"":3}'),
    (r'{"s": "\u0000\u001f\u007f"}', r'{"s":"\u0000\u001f\u007f"}'),
    (r'{"s": "\u00e9é\/\/ \"\\\b\f\n\r\t"}', r'{"s":"\u00e9é\/\/ \"\\\b\f\n\r\t"}'),
    (r'{"s": "\ud83e\udd89 🦉 \uD83E\uDD89"}', r'{"s":"\ud83e\udd89 🦉 \uD83E\uDD89"}'),
    ('{"\u2028": "\u2029 \ufeff \ufffe \u200f"}', '{"\u2028":"\u2029 \ufeff \ufffe \u200f"}'),
    ('{"<script>": "</script> & \'"}', '{"<script>":"</script> & \'"}'),
    ('{\r\n\t"a" :\t[ 1 ,\n2 , { } , [ ] ] ,\r"b c" : " d  e "}', '{"a":[1,2,{},[]],"b c":" d  e "}'),
    ('{"t": true, "f": false, "n": null}', '{"t":true,"f":false,"n":null}'),
    ('{"data": {"event": "x", "data": ",\\"data\\":"}}', '{"data":{"event":"x","data":",\\"data\\":"}}'),
]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A receiver with the endpoint that leads to it."""

    there: Receiver
    secret: str
    public_key: str

    async def get(self, event_id: str) -> Request:
        """Wait for the request that carries an event."""

        def arrived() -> Request | None:
            found = [one for one in self.there.requests if one.headers["webhook-id"] == event_id]
            return found[0] if found else None

        request = await eventually(arrived, what=f"{event_id} arrives")
        assert request is not None
        return request


@pytest.fixture
async def subscriber(api: httpx2.AsyncClient) -> AsyncIterator[Subscriber]:
    async with receiver() as there:
        made = await api.post(
            "/endpoints",
            json={"url": there.url, "schemes": ["aetherflow", "v1", "v1a"], "events": ["exact.*"]},
        )
        endpoint = made.json()
        yield Subscriber(there, endpoint["secret"], endpoint["public_key"])
        await api.delete(f"/endpoints/{endpoint['id']}")


@pytest.mark.parametrize(("written", "sent"), WRITTEN)
async def test_data_arrives_to_the_letter_and_every_signature_fits(
    api: httpx2.AsyncClient, subscriber: Subscriber, written: str, sent: str
) -> None:
    body = f'{{"data": {written}, "event": "exact.copy", "timestamp": "2026-01-31T10:30:00.5+01:00"}}'
    answer = await api.post("/events", content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
    accepted = answer.json()
    assert accepted["timestamp"] == "2026-01-31T09:30:00.500000Z"

    got = await subscriber.get(accepted["id"])
    expected = f'{{"event":"exact.copy","id":"{accepted["id"]}","timestamp":"{accepted["timestamp"]}","data":{sent}}}'
    assert got.body.decode() == expected

    shown = await api.get(f"/events/{accepted['id']}")
    assert shown.json()["body"] == expected
    assert f'"payload":{expected},' in shown.text
    assert_signed(got, subscriber)


def assert_signed(got: Request, subscriber: Subscriber) -> None:
    """Make sure that what arrived carries each signature that was asked for, by independent means."""
    assert got.headers["content-type"] == "application/json"
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60
    standardwebhooks.Webhook(subscriber.secret).verify(got.body, dict(got.headers), json_parse=False)
    payload = Webhook(subscriber.secret).verify(got.body, got.headers)
    assert Webhook(subscriber.public_key).verify(got.body, got.headers) == payload
    signature = got.headers["x-aetherflow-signature"]
    assert signature == hmac.new(subscriber.secret.encode(), got.body, hashlib.sha256).hexdigest()
    assert verify_signature(got.body, signature, subscriber.secret)
    assert "x-aetherflow-signature-2" not in got.headers
    assert {scheme.partition(",")[0] for scheme in got.headers["webhook-signature"].split()} == {"v1", "v1a"}


async def test_a_batch_arrives_as_exactly_as_single_events(
    api: httpx2.AsyncClient, subscriber: Subscriber
) -> None:
    stamp = "2026-01-31T09:30:00Z"
    events = ",".join(
        f'{{"id": "exact-batch-{n}", "event": "exact.copy", "timestamp": "{stamp}", "data": {written}}}'
        for n, (written, _) in enumerate(WRITTEN)
    )
    answer = await api.post("/events/batch", content=f'{{"events": [{events}]}}'.encode())
    assert answer.status_code == 202, answer.text
    for n, (_, sent) in enumerate(WRITTEN):
        got = await subscriber.get(f"exact-batch-{n}")
        expected = f'{{"event":"exact.copy","id":"exact-batch-{n}","timestamp":"{stamp}","data":{sent}}}'
        assert got.body.decode() == expected
        assert_signed(got, subscriber)


async def test_a_delivery_says_what_it_is_beside_its_signatures(
    api: httpx2.AsyncClient, subscriber: Subscriber
) -> None:
    accepted = (await api.post("/events", json={"event": "exact.copy", "data": {}, "id": "exact-1"})).json()
    got = await subscriber.get(accepted["id"])
    shown = (await api.get("/events/exact-1")).json()
    assert got.method == "POST"
    assert got.headers["webhook-id"] == "exact-1"
    assert got.headers["x-aetherflow-event"] == "exact.copy"
    assert got.headers["x-aetherflow-delivery"] == shown["deliveries"][0]["id"]
    assert got.headers["x-aetherflow-attempt"] == "1"
    assert got.headers["user-agent"].startswith("AetherFlow-Webhooks/")
    assert "x-aetherflow-test" not in got.headers
    assert json.loads(got.body)["timestamp"] == accepted["timestamp"]


async def test_the_limit_counts_the_body_that_is_sent(
    api: httpx2.AsyncClient, subscriber: Subscriber
) -> None:
    limit = 262_144
    stamp = "2026-01-31T09:30:00Z"
    around = len(f'{{"event":"exact.copy","id":"exact-limit","timestamp":"{stamp}","data":{{"s":""}}}}')

    def event(length: int, event_id: str = "exact-limit") -> dict[str, object]:
        return {
            "event": "exact.copy",
            "id": event_id,
            "timestamp": stamp,
            "data": {"s": "x" * (length - around)},
        }

    # Space between the parts does not count, for it is not sent.
    spaced = b" " * 100_000 + json.dumps(event(limit)).encode()
    assert (await api.post("/events", content=spaced)).status_code == 202
    assert len((await subscriber.get("exact-limit")).body) == limit
    too_large = await api.post("/events", json=event(limit + 1))
    assert (too_large.status_code, too_large.json()["code"]) == (413, "too_large")

    events = [event(100, "exact-small"), event(limit + 1)]
    too_large = await api.post("/events/batch", json={"events": events})
    assert (too_large.status_code, too_large.json()["code"]) == (413, "too_large")
    assert too_large.json()["errors"][0]["path"] == "/events/1"
    assert (await api.get("/events/exact-small")).status_code == 404
