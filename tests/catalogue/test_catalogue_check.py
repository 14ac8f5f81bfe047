"""What may be published by API under a built-in type."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import EVENT_TYPES, EventType, check_data

every_type = pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda event_type: event_type.name)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@every_type
def test_the_id_of_the_object_is_enough_and_further_members_are_welcome(event_type: EventType) -> None:
    name = event_type.object_name
    assert check_data(event_type, {name: {"id": "x"}}) == []
    assert check_data(event_type, {name: {"id": "x", "name": 5}, "anything": None}) == []
    assert check_data(event_type, MappingProxyType({name: MappingProxyType({"id": "x"})})) == []
    assert check_data(event_type, event_type.example) == []


@every_type
@pytest.mark.parametrize("thing", [None, [], ["id"], "id", 7, True, 1.5])
def test_data_without_the_object_names_the_place_of_the_object(event_type: EventType, thing: object) -> None:
    name = event_type.object_name
    for data in ({}, {name: thing}, {"id": "x"}):
        assert [problem.path for problem in check_data(event_type, data)] == [f"/data/{name}"]


@every_type
@pytest.mark.parametrize("thing", [{}, {"id": ""}, {"id": None}, {"id": 7}, {"id": ["x"]}, {"ID": "x"}])
def test_an_object_without_a_usable_id_names_the_place_of_the_id(
    event_type: EventType, thing: Mapping[str, Any]
) -> None:
    name = event_type.object_name
    problems = check_data(event_type, {name: thing}, path="/events/3/data")
    assert [problem.path for problem in problems] == [f"/events/3/data/{name}/id"]


@every_type
@given(thing=json_values, with_object=st.booleans())
def test_nothing_that_the_schema_accepts_is_refused_and_nothing_makes_it_fail(
    event_type: EventType, thing: Any, with_object: bool
) -> None:
    data = {event_type.object_name: {"id": thing} if with_object else thing}
    problems = check_data(event_type, data)
    assert len(problems) <= 1
    if jsonschema_rs.Draft202012Validator(dict(event_type.schema)).is_valid(data):
        assert problems == []
