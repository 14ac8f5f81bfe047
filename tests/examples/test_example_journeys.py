"""Every example, deployed to a running service and called, does what its README says."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from tests.examples.deployed_example import EXAMPLES, deploy_example, published, set_var
from tests.journeys.inbound.deployments import prints_of, session_of
from tests.providers.genuine import sign_hub, sign_stripe
from tests.services import Service
from tests.waiting import until

SECRET = "a secret that only the sender and the var have"


def test_greeting_api(service: Service) -> None:
    example = deploy_example(service, "greeting-api")
    answer = example.call("greet", json={"name": "Alice"})
    assert (answer.status_code, answer.json()) == (200, {"message": "Hello, Alice!"})
    assert example.call("greet", json={"name": None}).status_code == 400
    refused = example.call("greet", method="GET")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")


def test_checked_signature(service: Service) -> None:
    example = deploy_example(service, "checked-signature")
    paid = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"amount": 1250}}}

    def pay(secret: str) -> httpx2.Response:
        body = json.dumps(paid).encode()
        headers = sign_stripe(secret, body, int(time.time()))
        return example.call("payments", content=body, headers=headers)

    assert pay(SECRET).status_code == 401
    set_var(example, "STRIPE_SECRET", SECRET)
    assert pay(SECRET).status_code == 202
    assert pay(SECRET).status_code == 202
    assert pay("another secret").status_code == 401
    until(lambda: example.call("total").json() == {"total": 1250}, what="the payment is counted, once")


def test_two_webhooks(service: Service) -> None:
    example = deploy_example(service, "two-webhooks")
    order = 'A-"1"'
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(example.call, "checkout", json={"order": order})

        def confirm() -> bool:
            # Nobody outside can know when the subscription is there, so this is sent until there is an answer.
            example.call("confirmed", json={"order": "another", "reference": "R-1"})
            example.call("confirmed", json={"order": order, "reference": "R-2"})
            return answer.done()

        until(confirm, what="the first request is answered")
        assert answer.result().json() == {"order": order, "reference": "R-2"}


def test_an_approval_that_is_given(service: Service) -> None:
    example = deploy_example(service, "approval")
    accepted = example.call("expense", json={"by": "Alice", "amount": 80})
    assert accepted.status_code == 202
    lines = until(
        lambda: prints_of(service, accepted.headers["AetherFlow-Session-Id"]), what="the manager is asked"
    )
    link = re.search(r"http\S+", lines[0])
    assert link is not None
    path = link[0].partition("/webhooks/")[2]
    service.http.post(f"/webhooks/{path}", data={"approve": "yes"})
    assert published(service, "expense.approved") == [{"expense": {"amount": 80, "by": "Alice"}}]
    session = session_of(service, accepted)
    assert (session["result"], session["custom_data"]) == ("approved", {"amount": 80, "by": "Alice"})


def test_an_approval_that_never_comes(service: Service) -> None:
    # Longer than a session waits in its process, so that it is parked and runs again from its row.
    example = deploy_example(service, "approval", {"86400": "2.5", "172800": "0.1", ": approval": ": hasty"})
    accepted = example.call("expense", json={"by": "Bob", "amount": 9})
    assert session_of(service, accepted)["result"] == "expired"
    asked = [line.partition(":")[0] for line in prints_of(service, accepted.headers["AetherFlow-Session-Id"])]
    assert asked == ["Please decide", "Still waiting"]


def test_durable_order(service: Service) -> None:
    example = deploy_example(service, "durable-order", {"3600": "2.5"})
    shipped = example.call("order", json={"item": "lamp", "card": "4242"})
    declined = example.call("order", json={"item": "rug", "card": "declined"})
    assert session_of(service, declined)["result"] == {"status": "declined"}
    session = session_of(service, shipped)
    assert [step["name"] for step in session["steps"]] == ["reserve", "charge", "ship"]
    assert prints_of(service, shipped.headers["AetherFlow-Session-Id"]) == [
        "reserved lamp",
        "charged 4242",
        "shipped lamp",
    ]
    assert published(service, "order.shipped") == [
        {"order": {"item": "lamp", "parcel": session["result"]["parcel"]}}
    ]


def test_schedule(service: Service) -> None:
    example = deploy_example(service, "schedule", {"@every 1m": "@every 1s"})

    def status() -> dict[str, Any]:
        return example.call("status").json()

    until(lambda: status()["beats"] >= 2, what="it has ticked twice")
    assert status()["last_report"] is None


def test_github_release(service: Service) -> None:
    example = deploy_example(service, "github-release")
    set_var(example, "GITHUB_SECRET", SECRET)
    release = {
        "action": "published",
        "repository": {"full_name": "octo/cat"},
        "release": {"tag_name": "v1.2.0"},
    }

    def send(kind: str, delivery: str) -> httpx2.Response:
        body = json.dumps(release).encode()
        headers = {"X-GitHub-Event": kind, "X-GitHub-Delivery": delivery, **sign_hub(SECRET, body, 0)}
        return example.call("github", content=body, headers=headers)

    assert "AetherFlow-Session-Id" not in send("ping", "1").headers
    first, again = send("release", "2"), send("release", "2")
    assert again.headers["AetherFlow-Duplicate"] == "true"
    assert again.headers["AetherFlow-Session-Id"] == first.headers["AetherFlow-Session-Id"]
    expected = {"repository": "octo/cat", "tag": "v1.2.0"}
    assert published(service, "release.published") == [{"release": expected}]
    assert example.call("latest", "/octo/cat", method="GET").json() == expected
    assert example.call("latest", "/octo/dog", method="GET").status_code == 404


def test_openops_response(service: Service) -> None:
    example = deploy_example(service, "openops-response")
    answer = example.call("hook", json={"resource": "vm-1", "items": [{"cost": 3}]})
    assert (answer.status_code, answer.headers["X-Workflow"]) == (200, "openops-response")
    assert answer.json() == {"success": True, "message": "Data received"}
    until(lambda: example.call("stored").json() == ["costs/vm-1"], what="the work after the answer is done")
    refused = example.call("hook", json={})
    assert (refused.status_code, refused.text) == (400, "resource is missing")


def test_autokitteh_style(service: Service) -> None:
    example = deploy_example(service, "autokitteh-style")
    answer = example.call("carts", "/carts", json={"id": "c1", "items": ["a"]})
    assert (answer.status_code, answer.json()) == (201, {"id": "c1", "items": 1})
    assert answer.headers["Location"] == "/carts/c1"
    assert example.call("carts", "/other", json={}).status_code == 404
    reminded = example.call("reminders", json={"id": "c2"})
    assert session_of(service, reminded)["is_durable"] is True
    assert prints_of(service, reminded.headers["AetherFlow-Session-Id"]) == [
        "Dear customer, your cart c2 is waiting."
    ]


def test_counter(service: Service) -> None:
    example = deploy_example(service, "counter")
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda _: example.call("counter", "/visits"), range(20)))
    shown = example.call("counter", "/visits", method="GET")
    assert shown.json() == {"counter": "visits", "count": 20}
    assert example.call("counter", "/visits", method="DELETE").status_code == 204
    assert example.call("counter", "/visits", method="GET").json()["count"] == 0
    assert example.call("counter", "/visits", method="PUT").status_code == 404


def test_every_example_has_a_journey() -> None:
    journeys = {name.replace("_", "-") for name in globals() if name.startswith("test_")}
    assert not [name for name in EXAMPLES if not any(name in journey for journey in journeys)]
