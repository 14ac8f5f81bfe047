"""What holds for every event type that the service knows of itself."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema_rs
import pytest
from pydantic import TypeAdapter, ValidationError

from app.catalogue import BUILT_IN, EVENT_TYPES, OPERATOR_TYPES, EventType, find
from app.catalogue.payload import Change, Moment
from app.catalogue.workflow import Execution, RunningWorkflow, WorkflowExecuted
from app.rules.event_types import RESERVED_PREFIXES, is_type_name

every_type = pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda event_type: event_type.name)

# The fields that the service promises for each type, as paths into `data`; `[]` is every item of a list.
PROMISED = {
    "workflow.created": "workflow.id workflow.name workflow.status workflow.version workflow.triggers[].id "
    "workflow.triggers[].name workflow.triggers[].type workflow.created_at workflow.updated_at",
    "workflow.updated": "workflow.id workflow.name workflow.status workflow.version workflow.triggers[].id "
    "workflow.created_at workflow.updated_at changes.version.from changes.version.to",
    "workflow.deleted": "workflow.id workflow.name workflow.status workflow.version workflow.triggers[].id "
    "workflow.created_at workflow.updated_at workflow.deleted_at",
    "workflow.executed": "workflow.id workflow.name workflow.status workflow.executed_at execution.id "
    "execution.trigger",
    "workflow.completed": "workflow.id workflow.name workflow.status workflow.execution_time "
    "workflow.executed_at steps[].id steps[].name steps[].status steps[].duration custom_data",
    "workflow.failed": "workflow.id workflow.name workflow.status workflow.error_message workflow.failed_at "
    "error_details.step error_details.integration error_details.error_code error_details.retry_count",
    "integration.connected": "integration.id integration.name integration.kind integration.status "
    "integration.connected_at",
    "integration.disconnected": "integration.id integration.name integration.kind integration.status "
    "integration.disconnected_at reason",
    "integration.error": "integration.id integration.name integration.kind integration.status "
    "integration.failed_at error_details.error_code error_details.error_message",
    "user.invited": "user.id user.email user.name user.role invited_by.id invited_by.name",
    "user.joined": "user.id user.email user.name user.role invited_by.id invited_by.name",
    "billing.updated": "billing.id billing.name billing.plan billing.status billing.billing_email "
    "billing.company billing.address billing.tax_id billing.currency changes.plan.from changes.plan.to",
} | dict.fromkeys(
    ["endpoint.disabled", "endpoint.enabled", "endpoint.failing", "endpoint.recovered"],
    "endpoint.id endpoint.url endpoint.enabled endpoint.disabled_reason endpoint.breaker "
    "endpoint.failing_since",
)


def values_at(value: Any, path: str) -> list[Any]:
    """Every value at the path; KeyError where a part is missing, and an empty list counts as missing."""
    values = [value]
    for part in path.split("."):
        name, is_list = part.removesuffix("[]"), part.endswith("[]")
        values = [found[name] for found in values]
        if is_list:
            values = [item for items in values for item in items]
    if not values:
        raise KeyError(path)
    return values


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from leaves(inner, member)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)
    else:
        yield name, value


def emptied(value: Any) -> Any:
    """The value with every object in it, at any depth, left without members."""
    if isinstance(value, list):
        return [emptied(inner) for inner in value]
    return {} if isinstance(value, dict) else value


def bare(event_type: EventType) -> dict[str, Any]:
    """The least that may be published by API."""
    return {event_type.object_name: {"id": "x"}}


def validator(event_type: EventType) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(event_type.schema), validate_formats=True)


def test_the_catalogue_holds_the_twelve_built_in_types_and_the_four_operator_types() -> None:
    assert [event_type.name for event_type in BUILT_IN + OPERATOR_TYPES] == list(PROMISED)
    assert (len(BUILT_IN), len(OPERATOR_TYPES)) == (12, 4)
    assert EVENT_TYPES == BUILT_IN + OPERATOR_TYPES


def test_every_family_is_reserved_and_every_reserved_prefix_is_a_family() -> None:
    assert {event_type.object_name for event_type in EVENT_TYPES} == RESERVED_PREFIXES
    assert {event_type.object_name for event_type in OPERATOR_TYPES} == {"endpoint"}


@every_type
def test_a_type_is_found_by_its_exact_name(event_type: EventType) -> None:
    assert is_type_name(event_type.name)
    assert find(event_type.name) is event_type
    assert find(event_type.name.upper()) is None
    assert find(event_type.name + ".x") is None
    assert find(event_type.object_name) is None


@every_type
def test_a_type_is_described_in_one_sentence_and_has_its_first_version(event_type: EventType) -> None:
    assert re.fullmatch(r"[A-Z][^\n]{10,100}\.", event_type.description)
    assert event_type.version == 1


@every_type
def test_an_example_passes_through_its_model_unchanged(event_type: EventType) -> None:
    assert event_type.model.model_validate(event_type.example).to_data() == event_type.example


@every_type
def test_an_example_fits_its_schema_and_is_plain_json(event_type: EventType) -> None:
    validator(event_type).validate(event_type.example)
    assert json.loads(json.dumps(event_type.example)) == event_type.example


@every_type
def test_a_schema_is_valid_and_needs_nothing_from_elsewhere(event_type: EventType) -> None:
    jsonschema_rs.meta.validate(dict(event_type.schema))
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(event_type.schema))
    assert all(reference.startswith("#/$defs/") for reference in references)


@every_type
def test_an_example_holds_all_that_is_promised(event_type: EventType) -> None:
    for path in PROMISED[event_type.name].split():
        values_at(event_type.example, path)


@pytest.mark.parametrize("event_type", BUILT_IN, ids=lambda event_type: event_type.name)
def test_an_example_holds_the_object_of_its_family_with_id_and_name(event_type: EventType) -> None:
    thing = event_type.example[event_type.object_name]
    assert re.fullmatch(r"(wf|int|usr|ws)_[0-9a-f]{32}", thing["id"])
    assert thing["name"]


@every_type
def test_times_in_examples_are_utc_with_whole_milliseconds_and_durations_are_integers(
    event_type: EventType,
) -> None:
    for name, value in leaves(event_type.example):
        if name.endswith("_at") or (name == "failing_since" and value is not None):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value), name
        if name in ("duration", "execution_time"):
            assert type(value) is int


@every_type
def test_the_schema_requires_the_id_of_the_object_and_nothing_else(event_type: EventType) -> None:
    check = validator(event_type)
    name = event_type.object_name
    assert check.is_valid(bare(event_type))
    things: list[Any] = [{}, {"id": ""}, {"id": 7}, None]
    for broken in [{}, {"other": {"id": "x"}}, *({name: thing} for thing in things)]:
        assert not check.is_valid(broken), broken


@every_type
def test_the_schema_requires_nothing_inside_the_further_objects(event_type: EventType) -> None:
    name = event_type.object_name
    further = {member: emptied(value) for member, value in event_type.example.items()}
    inside = {member: emptied(value) for member, value in event_type.example[name].items()}
    assert validator(event_type).is_valid({**further, name: inside})


@every_type
def test_the_schema_refuses_a_known_field_of_the_wrong_type_and_allows_unknown_ones(
    event_type: EventType,
) -> None:
    check = validator(event_type)
    name = event_type.object_name
    known = next(field for field in event_type.example[name] if field != "id")
    assert not check.is_valid({name: {"id": "x", known: {"neither": ["text", "nor number"]}}})
    assert check.is_valid({name: {"id": "x", "unknown": [1]}, "unknown": {"a": None}})


@every_type
def test_our_own_producers_must_fill_in_every_field(event_type: EventType) -> None:
    with pytest.raises(ValidationError):
        event_type.model.model_validate(bare(event_type))
    for member in event_type.example:
        with pytest.raises(ValidationError):
            event_type.model.model_validate({k: v for k, v in event_type.example.items() if k != member})
    name = event_type.object_name
    for member in event_type.example[name]:
        rest = {k: v for k, v in event_type.example[name].items() if k != member}
        with pytest.raises(ValidationError):
            event_type.model.model_validate({**event_type.example, name: rest})


@every_type
def test_a_model_keeps_members_that_it_does_not_know(event_type: EventType) -> None:
    name = event_type.object_name
    more = {
        **event_type.example,
        name: {**event_type.example[name], "colour": "red"},
        "more": [1, {"a": None}],
    }
    assert event_type.model.model_validate(more).to_data() == more


def test_a_producer_gives_times_and_receivers_get_utc_milliseconds() -> None:
    moment = datetime(2026, 3, 2, 12, 0, 0, 42_999, tzinfo=timezone(timedelta(hours=2)))
    workflow = RunningWorkflow(id="wf_1", name="n", status="running", executed_at=moment)
    event = WorkflowExecuted(workflow=workflow, execution=Execution(id="ses_1", trigger=None))
    assert event.to_data() == {
        "workflow": {
            "id": "wf_1",
            "name": "n",
            "status": "running",
            "executed_at": "2026-03-02T10:00:00.042Z",
        },
        "execution": {"id": "ses_1", "trigger": None},
    }


def test_a_time_without_a_zone_is_refused() -> None:
    moments = TypeAdapter(Moment)
    assert moments.validate_python(datetime(2026, 3, 2, tzinfo=UTC))
    with pytest.raises(ValidationError):
        moments.validate_python(datetime(2026, 3, 2))


def test_a_change_is_made_with_from_and_to_and_keeps_any_json() -> None:
    assert Change(from_=None, to=["a", {"b": 2**60}]).to_data() == {"from": None, "to": ["a", {"b": 2**60}]}
