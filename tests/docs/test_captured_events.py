"""The events that the reference shows are some that a service has sent, and fit the catalogue of today."""

import jsonschema_rs
import pytest

from app import catalogue
from docs.capture import capture
from docs.generate import captured, events
from tests.producing import PRODUCERS
from tests.services import Service

CAPTURED = captured.read()

STALE = "run `python -m docs.capture` and look at what has changed"


def test_every_type_that_a_test_brings_about_was_captured() -> None:
    assert list(CAPTURED) == list(PRODUCERS), STALE


def test_every_type_of_a_workspace_s_life_was_captured() -> None:
    assert {one.name for one in catalogue.BUILT_IN} <= set(CAPTURED)


@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_event_fits_the_schema_and_the_model_of_today(name: str) -> None:
    body, event_type = CAPTURED[name], catalogue.find(name)
    assert event_type is not None
    assert list(body) == ["event", "id", "timestamp", "data"], STALE
    assert body["event"] == name
    schema = jsonschema_rs.Draft202012Validator(dict(event_type.schema), validate_formats=True)
    assert schema.is_valid(body["data"]), STALE
    # No field is missing, and none has come to the event that the catalogue does not know.
    assert event_type.model.model_validate(body["data"]).to_data() == body["data"], STALE
    assert members_of(body["data"]) <= described_members(event_type.schema), STALE


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
async def test_what_is_captured_today_has_the_same_members(service: Service) -> None:
    bodies = await capture(service)
    assert {name: members_of(body) for name, body in bodies.items()} == {
        name: members_of(body) for name, body in CAPTURED.items()
    }, STALE


@pytest.mark.parametrize("name", CAPTURED)
def test_the_reference_shows_what_was_captured(name: str) -> None:
    assert f'"id": "{CAPTURED[name]["id"]}"' in events.render()


def members_of(node: object) -> set[str]:
    """Return the names of all members, those of what workflows set and of what changed left out."""
    if isinstance(node, list):
        return set().union(*map(members_of, node))
    if not isinstance(node, dict):
        return set()
    inner = [value for name, value in node.items() if name not in ("custom_data", "changes")]
    return set(node).union(*map(members_of, inner))


def described_members(schema: object) -> set[str]:
    """Return the names of all members that a schema describes."""
    if isinstance(schema, list):
        return set().union(*map(described_members, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())).union(*map(described_members, schema.values()))
