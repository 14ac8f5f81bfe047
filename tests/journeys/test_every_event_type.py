"""Each built-in type from its producer to a receiver, which checks the signature in three languages."""

from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
from aetherflow.webhooks import Webhook

from app import catalogue
from tests.producing import FILES, PRODUCERS, Site, body_of, open_site
from tests.receivers import Request
from tests.services import Service
from tests.verifiers.running import Verifiers

# What the published examples of these two types have had from the beginning, with the JSON types of the values.
FIRST_FIELDS: dict[str, dict[str, Any]] = {
    "workflow.completed": {
        "workflow": {
            "id": str,
            "name": str,
            "status": str,
            "execution_time": int,
            "executed_at": str,
        },
        "steps": [{"id": str, "name": str, "status": str, "duration": int}],
        "custom_data": {},
    },
    "workflow.failed": {
        "workflow": {"id": str, "name": str, "status": str, "error_message": str, "failed_at": str},
        "error_details": {"step": str, "integration": str, "error_code": str, "retry_count": int},
    },
}


@pytest.fixture
async def site(service: Service) -> AsyncIterator[Site]:
    async with open_site(service) as site:
        yield site


@pytest.mark.parametrize("event_type", PRODUCERS)
async def test_what_happens_is_told_as_the_catalogue_says_and_signed_for_every_language(
    site: Site, verifiers: Verifiers, event_type: str
) -> None:
    expected = await PRODUCERS[event_type](site)
    delivery = await site.take(event_type)
    assert_contains(body_of(delivery)["data"], expected)
    for one in site.deliveries():
        assert_genuine(site, verifiers, one)
        assert_described(one)


@pytest.mark.parametrize("event_type", FIRST_FIELDS)
async def test_the_fields_that_receivers_have_always_known_are_there(site: Site, event_type: str) -> None:
    await PRODUCERS[event_type](site)
    body = body_of(await site.take(event_type))
    assert_shaped({"event": str, "id": str, "timestamp": str, "data": FIRST_FIELDS[event_type]}, body)
    assert (body["event"], body["data"]["workflow"]["name"]) == (event_type, "invoice_intake")


async def test_what_changes_nothing_is_not_told(site: Site) -> None:
    deployed = await site.deploy()
    assert not (await site.deploy())["changed"]
    path = f"/workflows/{deployed['workflow']['id']}"
    await site.ask("PATCH", path, json={"enabled": True, "description": None})
    await site.deploy(FILES | {"notes.txt": "nothing that runs"})
    await site.ask("DELETE", path)
    await site.take("workflow.deleted")
    told = [body_of(one)["event"] for one in site.deliveries()]
    assert sorted(told) == ["workflow.created", "workflow.deleted", "workflow.updated"]


async def test_an_execution_is_told_once_when_it_starts_and_once_when_it_ends(site: Site) -> None:
    await site.deploy()
    for _ in range(3):
        await site.call("invoice_received", json={"number": "2026-0117", "amount": 1})
    await site.take("workflow.completed", count=3)
    await site.ask("DELETE", f"/workflows/{site.workflow['id']}")
    await site.take("workflow.deleted")
    told = sorted(body_of(one)["event"] for one in site.deliveries())
    ran = ["workflow.completed"] * 3 + ["workflow.executed"] * 3
    assert told == sorted(["workflow.created", "workflow.deleted", *ran])


async def test_a_failure_outside_of_steps_and_integrations_names_neither(site: Site) -> None:
    broken = FILES | {"program.py": f"{FILES['program.py']}\n\ndef read_invoice(event):\n    1 / 0\n"}
    await site.deploy(broken)
    await site.call("invoice_received")
    data = body_of(await site.take("workflow.failed"))["data"]
    assert "division by zero" in data["workflow"]["error_message"]
    assert (data["error_details"]["step"], data["error_details"]["integration"]) == (None, None)
    assert data["error_details"]["retry_count"] == 0


def assert_genuine(site: Site, verifiers: Verifiers, delivery: Request) -> None:
    """Check the signatures of a delivery, and that they fit nothing else."""
    signature = delivery.headers["x-aetherflow-signature"]
    said = verifiers.judge(site.secret, signature, delivery.body)
    assert said == {"JavaScript": True, "Python": True, "Go": True}
    assert not any(verifiers.judge(site.secret, signature, delivery.body + b" ").values())
    Webhook(site.secret).verify(delivery.body, dict(delivery.headers))
    assert delivery.headers["webhook-id"] == body_of(delivery)["id"]


def assert_described(delivery: Request) -> None:
    """Check that the catalogue's model and schema describe a delivery whole."""
    body = body_of(delivery)
    event_type = catalogue.find(body["event"])
    assert event_type is not None, body["event"]
    jsonschema_rs.Draft202012Validator(dict(event_type.schema), validate_formats=True).validate(body["data"])
    assert event_type.model.model_validate(body["data"]).to_data() == body["data"]


def assert_contains(given: Any, expected: Any) -> None:
    """Check that objects have these members at least, and lists these items in this order."""
    if isinstance(expected, dict):
        assert expected.keys() <= given.keys()
        for name, value in expected.items():
            assert_contains(given[name], value)
    elif isinstance(expected, list):
        assert len(given) == len(expected)
        for one, other in zip(given, expected, strict=True):
            assert_contains(one, other)
    else:
        assert given == expected


def assert_shaped(shape: Any, given: Any) -> None:
    """Check that values have these types, and lists one item at least."""
    if isinstance(shape, dict):
        assert isinstance(given, dict)
        assert shape.keys() <= given.keys()
        for name, inner in shape.items():
            assert_shaped(inner, given[name])
    elif isinstance(shape, list):
        assert isinstance(given, list)
        assert given
        for one in given:
            assert_shaped(shape[0], one)
    else:
        assert type(given) is shape
