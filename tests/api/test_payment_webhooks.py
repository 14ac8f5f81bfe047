"""The payment provider of a workspace, and the webhooks that it sends."""

import asyncio
import time
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from app.store.models import BillingProfile
from tests.api.problems import assert_refused
from tests.opened import opened
from tests.providers.genuine import sign_stripe
from tests.services import Service
from tests.stripe_events import CUSTOMER, SECRET, customer, event, send, subscription

# For what is refused before the database is asked.
in_one_wiring = pytest.mark.parametrize("service", ["embedded"], indirect=True)

PROVIDER = {"provider": "stripe", "secret": SECRET}


@pytest.fixture
def url(workspace: httpx2.Client) -> str:
    return connect(workspace)


def connect(workspace: httpx2.Client, **members: Any) -> str:
    answer = workspace.put("/billing/payments", json=PROVIDER | members)
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["url"]
    return url


def profile_of(workspace: httpx2.Client) -> dict[str, Any]:
    profile: dict[str, Any] = workspace.get("/billing").json()
    return profile


def count_told(workspace: httpx2.Client) -> int:
    return len(workspace.get("/events", params={"event": "billing.updated"}).json()["data"])


def test_a_connected_provider_is_shown_without_its_secret(service: Service, workspace: httpx2.Client) -> None:
    assert_refused(workspace.get("/billing/payments"), 404, "not_found")
    made = workspace.put("/billing/payments", json=PROVIDER)
    assert made.status_code == 200
    slug = made.json()["url"].removeprefix(f"{service.url}/payments/")
    assert len(slug) == 32
    expected = {"provider": "stripe", "url": f"{service.url}/payments/{slug}", "customer": None}
    assert made.json() == expected
    assert workspace.get("/billing/payments").json() == expected
    assert count_told(workspace) == 0


async def test_the_secret_lies_sealed_in_the_database(service: Service, url: str) -> None:
    slug = url.rpartition("/")[2]
    statement = select(BillingProfile).where(BillingProfile.payments_slug == slug)
    async with opened(service.environment["AETHERFLOW_DATABASE_URL"]) as database, database.read() as tx:
        row = (await tx.scalars(statement)).one()
    assert row.sealed_payments_secret is not None
    assert SECRET.encode() not in row.sealed_payments_secret


def test_a_genuine_event_changes_the_profile_and_is_told_once(
    service: Service, workspace: httpx2.Client, url: str
) -> None:
    for _ in range(2):
        answer = send(service.http, url, event("customer.subscription.created", subscription("trialing")))
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    profile = profile_of(workspace)
    assert (profile["plan"], profile["status"], profile["currency"]) == ("team", "trialing", "GBP")
    assert count_told(workspace) == 1
    send(service.http, url, event("customer.updated", customer(), name="evt_2"))
    assert profile_of(workspace)["name"] == "Northwind Paper"
    assert count_told(workspace) == 2


async def test_an_event_that_comes_many_times_at_once_is_told_once(
    service: Service, workspace: httpx2.Client, url: str
) -> None:
    told = event("customer.updated", customer())
    answers = await asyncio.gather(*(asyncio.to_thread(send, service.http, url, told) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert count_told(workspace) == 1


def test_an_older_event_that_comes_late_changes_nothing(
    service: Service, workspace: httpx2.Client, url: str
) -> None:
    send(service.http, url, event("customer.subscription.deleted", subscription("canceled"), at=20))
    late = event(
        "customer.subscription.updated", subscription("active", nickname="scale"), at=10, name="evt_0"
    )
    assert send(service.http, url, late).status_code == 200
    profile = profile_of(workspace)
    # The end of the subscription said nothing about the plan, so of that the late event is the newest.
    assert (profile["status"], profile["plan"]) == ("cancelled", "scale")


@pytest.mark.parametrize(
    "told",
    [
        event("charge.succeeded", {"object": "charge"}),
        event("customer.updated", []),  # type: ignore[arg-type]
        {"hello": "world"},
        {},
    ],
)
def test_other_events_are_taken_and_change_nothing(
    service: Service, workspace: httpx2.Client, url: str, told: dict[str, Any]
) -> None:
    assert send(service.http, url, told).status_code == 200
    assert count_told(workspace) == 0


def test_a_forged_event_changes_nothing_and_learns_nothing(
    service: Service, workspace: httpx2.Client, url: str
) -> None:
    before = profile_of(workspace)
    forged = send(service.http, url, event("customer.updated", customer()), secret=f"{SECRET}x")
    problem = assert_refused(forged, 401, "bad_signature")
    assert before["id"] not in forged.text
    assert before["name"] not in forged.text
    unsigned = service.http.post(url, json=event("customer.updated", customer()))
    assert assert_refused(unsigned, 401, "bad_signature")["detail"] == problem["detail"]
    assert profile_of(workspace) == before


def test_an_event_that_was_signed_too_long_ago_is_refused(
    service: Service, workspace: httpx2.Client, url: str
) -> None:
    body = b'{"type": "customer.updated"}'
    for age, status in ((290, 200), (310, 401)):
        headers = sign_stripe(SECRET, body, int(time.time()) - age)
        assert service.http.post(url, content=body, headers=headers).status_code == status


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b"\xff"])
def test_a_signed_body_that_is_no_object_is_refused(service: Service, url: str, body: bytes) -> None:
    answer = service.http.post(url, content=body, headers=sign_stripe(SECRET, body, int(time.time())))
    assert_refused(answer, 400, "malformed_json")


def test_a_body_over_the_limit_is_refused_before_it_is_read(service: Service, url: str) -> None:
    assert_refused(service.http.post(url, content=b" " * 524_289), 413, "too_large")


@pytest.mark.parametrize("slug", ["", "none", "a" * 32, "a/b", "%00", "%ff", "x" * 3_000])
def test_a_slug_that_nobody_has_leads_nowhere(service: Service, slug: str) -> None:
    assert_refused(service.http.post(f"/payments/{slug}"), 404, "not_found")


def test_only_post_is_taken(service: Service, url: str) -> None:
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        answer = service.http.request(method, url)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_events_about_other_customers_change_nothing_when_one_is_named(
    service: Service, workspace: httpx2.Client
) -> None:
    url = connect(workspace, customer=CUSTOMER)
    for other in (customer(id="cus_other"), customer(id=None)):
        assert send(service.http, url, event("customer.updated", other)).status_code == 200
    assert count_told(workspace) == 0
    send(service.http, url, event("customer.updated", customer()))
    assert count_told(workspace) == 1
    assert workspace.get("/billing/payments").json()["customer"] == CUSTOMER


def test_another_secret_counts_at_once_and_the_url_stays(
    service: Service, workspace: httpx2.Client, url: str
) -> None:
    other = SECRET.replace("X", "Y")
    assert connect(workspace, secret=other) == url
    told = event("customer.updated", customer())
    assert send(service.http, url, told).status_code == 401
    assert send(service.http, url, told, secret=other).status_code == 200


def test_a_new_customer_begins_without_what_was_seen_of_the_last(
    service: Service, workspace: httpx2.Client, url: str
) -> None:
    send(service.http, url, event("customer.updated", customer(), at=20))
    connect(workspace, customer="cus_new")
    send(service.http, url, event("customer.updated", customer(id="cus_new", name="Tailspin Toys"), at=10))
    assert profile_of(workspace)["company"] == "Tailspin Toys"


def test_a_disconnected_provider_is_not_heard_any_more(
    service: Service, workspace: httpx2.Client, url: str
) -> None:
    send(service.http, url, event("customer.updated", customer()))
    before = profile_of(workspace)
    assert workspace.delete("/billing/payments").status_code == 204
    assert_refused(
        send(service.http, url, event("customer.updated", customer(), at=10**10)), 404, "not_found"
    )
    assert_refused(workspace.delete("/billing/payments"), 404, "not_found")
    assert profile_of(workspace) == before
    assert connect(workspace) != url


def test_a_workspace_s_provider_is_its_own(
    service: Service, workspace: httpx2.Client, stranger: httpx2.Client, url: str
) -> None:
    assert_refused(stranger.get("/billing/payments"), 404, "not_found")
    assert_refused(stranger.delete("/billing/payments"), 404, "not_found")
    theirs = connect(stranger)
    assert theirs != url
    send(service.http, theirs, event("customer.updated", customer()))
    assert count_told(workspace) == 0
    assert count_told(stranger) == 1


@in_one_wiring
@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"provider": "paypal"}, "/provider"),
        ({"secret": "sk_live_0123456789abcdef"}, "/secret"),
        ({"secret": "whsec_short"}, "/secret"),
        ({"secret": f"whsec_{'x' * 20}\n"}, "/secret"),
        ({"customer": ""}, "/customer"),
        ({"customer": "cus 1"}, "/customer"),
        ({"slug": "mine"}, "/slug"),
    ],
)
def test_a_provider_out_of_form_is_refused(
    workspace: httpx2.Client, members: dict[str, Any], path: str
) -> None:
    assert_refused(workspace.put("/billing/payments", json=PROVIDER | members), 422, "invalid", path)
    assert_refused(workspace.get("/billing/payments"), 404, "not_found")


@in_one_wiring
def test_what_is_refused_shows_no_secret(service: Service, workspace: httpx2.Client) -> None:
    answer = workspace.put(
        "/billing/payments", json={"provider": "stripe", "secret": "sk_live_hunter2hunter2"}
    )
    assert "hunter2" not in answer.text
    assert not any("hunter2" in text for text in service.logs().values())
