"""What a deployment changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidManifest
from app.rules.manifest import (
    Change,
    ConnectionSpec,
    Manifest,
    TriggerSpec,
    VarSpec,
    plan_changes,
    read_manifest,
    refuse_changed_types,
)

SHOP = Manifest(
    version="v2",
    name="shop",
    vars=(VarSpec(name="A", value="1"),),
    connections=(ConnectionSpec(name="chat", integration="slack"),),
    triggers=(TriggerSpec(name="orders", type="webhook"), TriggerSpec(name="bills", type="webhook")),
)


def actions(before: Manifest | None, after: Manifest) -> list[str]:
    return [f"{change.action} {change.kind} {change.name}" for change in plan_changes(before, after)]


def test_a_first_deployment_creates_everything() -> None:
    assert actions(None, SHOP) == [
        "create workflow shop",
        "create trigger orders",
        "create trigger bills",
        "create var A",
        "create connection chat",
    ]


def test_the_same_again_keeps_everything() -> None:
    again = Manifest.model_validate(SHOP.model_dump(mode="json"))
    assert {change.action for change in plan_changes(SHOP, again)} == {"keep"}


def test_what_changed_is_updated_and_what_is_gone_is_deleted_last() -> None:
    after = Manifest(
        version="v2",
        name="shop",
        display_name="The shop",
        vars=(VarSpec(name="B", value="1"),),
        triggers=(
            TriggerSpec(name="bills", type="webhook", is_sync=True),
            TriggerSpec(name="new", type="webhook"),
        ),
    )
    assert actions(SHOP, after) == [
        "update workflow shop",
        "update trigger bills",
        "create trigger new",
        "delete trigger orders",
        "create var B",
        "delete var A",
        "delete connection chat",
    ]


def test_another_version_is_a_change_of_the_workflow() -> None:
    after = SHOP.model_copy(update={"version": "v1"})
    assert plan_changes(SHOP, after)[0] == Change("update", "workflow", "shop")


names = st.lists(st.sampled_from("abcdef"), unique=True)


@given(names, names)
def test_each_thing_of_either_side_is_planned_once(before: list[str], after: list[str]) -> None:
    old, new = (
        Manifest(version="v2", name="shop", vars=tuple(VarSpec(name=name) for name in side))
        for side in (before, after)
    )
    changes = plan_changes(old, new)[1:]
    assert sorted(change.name for change in changes) == sorted(set(before) | set(after))
    assert {change.name for change in changes if change.action == "create"} == set(after) - set(before)
    assert {change.name for change in changes if change.action == "delete"} == set(before) - set(after)


def test_a_trigger_that_becomes_another_type_is_refused_with_its_line() -> None:
    text = """version: v2
project: {name: shop}
triggers:
  - name: bills
    schedule: "@daily"
  - name: orders
    schedule: "@daily"
    type: schedule
  - name: new
    schedule: "@daily"
"""
    reading = read_manifest({"autokitteh.yaml": text.encode()}, providers=())
    with pytest.raises(InvalidManifest) as caught:
        refuse_changed_types(SHOP, reading)
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [
        ("autokitteh.yaml", 4),
        ("autokitteh.yaml", 8),
    ]
    refuse_changed_types(reading.manifest, reading)
