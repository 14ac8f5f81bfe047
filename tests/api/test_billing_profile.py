"""The billing profile: read, changed, and what is told of it."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.api.problems import assert_refused
from tests.services import Service

# For what is refused before the database is asked.
in_one_wiring = pytest.mark.parametrize("service", ["embedded"], indirect=True)

FIELDS = {
    "plan": "team",
    "status": "trialing",
    "billing_email": "accounts@northwind-paper.example",
    "company": "Northwind Paper",
    "address": "12 Mill Lane\nBristol",
    "tax_id": "GB123454821",
    "currency": "GBP",
}
MASKED = FIELDS | {"tax_id": "****4821"}


def told(workspace: httpx2.Client) -> list[dict[str, Any]]:
    """Return the data of every `billing.updated`, the oldest first."""
    listed = workspace.get("/events", params={"event": "billing.updated"}).json()["data"]
    shown = [workspace.get(f"/events/{one['id']}").json() for one in reversed(listed)]
    return [one["payload"]["data"] for one in shown]


def change(workspace: httpx2.Client, **members: Any) -> dict[str, Any]:
    answer = workspace.patch("/billing", json=members)
    assert answer.status_code == 200, answer.text
    profile: dict[str, Any] = answer.json()
    return profile


def test_a_new_workspace_is_on_the_free_plan_and_has_nothing_else(workspace: httpx2.Client) -> None:
    profile = workspace.get("/billing").json()
    assert profile["id"].startswith("ws_")
    assert profile["name"].startswith("workspace ")
    unset = dict.fromkeys(["billing_email", "company", "address", "tax_id", "currency", "updated_at"])
    assert profile == {
        "id": profile["id"],
        "name": profile["name"],
        "plan": "free",
        "status": "active",
        **unset,
    }
    assert told(workspace) == []


def test_a_changed_profile_is_shown_and_told_with_its_tax_id_masked(workspace: httpx2.Client) -> None:
    before = workspace.get("/billing").json()
    after = change(workspace, **FIELDS)
    assert after == before | MASKED | {"name": "Northwind Paper", "updated_at": after["updated_at"]}
    assert workspace.get("/billing").json() == after
    del after["updated_at"]
    assert told(workspace) == [
        {
            "billing": after,
            "changes": {name: {"from": before[name], "to": value} for name, value in MASKED.items()},
        }
    ]


def test_only_what_differs_is_a_change_and_nothing_is_told_of_none(workspace: httpx2.Client) -> None:
    first = change(workspace, **FIELDS)
    assert change(workspace, **FIELDS) == first
    assert change(workspace) == first
    changed = change(workspace, **FIELDS | {"plan": "scale"})
    assert changed["updated_at"] > first["updated_at"]
    assert [event["changes"] for event in told(workspace)[1:]] == [{"plan": {"from": "team", "to": "scale"}}]


def test_another_tax_id_with_the_same_end_is_a_change(workspace: httpx2.Client) -> None:
    change(workspace, tax_id="GB111114821")
    change(workspace, tax_id="GB222224821")
    assert told(workspace)[1]["changes"] == {"tax_id": {"from": "****4821", "to": "****4821"}}


def test_null_resets_a_field(workspace: httpx2.Client) -> None:
    new = workspace.get("/billing").json()
    change(workspace, **FIELDS)
    after = change(workspace, **dict.fromkeys(FIELDS))
    assert after == new | {"updated_at": after["updated_at"]}
    assert told(workspace)[1]["changes"]["plan"] == {"from": "team", "to": "free"}
    assert told(workspace)[1]["billing"]["name"] == new["name"]


@in_one_wiring
@pytest.mark.parametrize(
    "members",
    [
        {"plan": ""},
        {"plan": 5},
        {"plan": "two\nlines"},
        {"status": "canceled"},
        {"status": 1},
        {"billing_email": "accounts"},
        {"billing_email": "a@example.com\u0000"},
        {"company": "x" * 201},
        {"address": "Bristol\r\n"},
        {"tax_id": "DE 123_456"},
        {"currency": "gbp"},
        {"currency": ["GBP"]},
        {"name": "Northwind Paper"},
    ],
)
def test_a_field_out_of_form_is_refused_and_nothing_changes(
    workspace: httpx2.Client, members: dict[str, Any]
) -> None:
    before = workspace.get("/billing").json()
    answer = workspace.patch("/billing", json={"company": "Northwind Paper"} | members)
    assert_refused(answer, 422, "invalid", f"/{next(iter(members))}")
    assert workspace.get("/billing").json() == before
    assert told(workspace) == []


def test_profiles_of_workspaces_are_apart(workspace: httpx2.Client, stranger: httpx2.Client) -> None:
    before = stranger.get("/billing").json()
    change(workspace, **FIELDS)
    assert stranger.get("/billing").json() == before
    assert told(stranger) == []


async def test_changes_at_the_same_time_are_told_one_after_the_other(
    service: Service, workspace: httpx2.Client
) -> None:
    plans = [f"plan {number}" for number in range(8)]
    key = workspace.headers["authorization"].removeprefix("Bearer ")
    async with service.async_client(key) as client:
        answers = await asyncio.gather(*(client.patch("/billing", json={"plan": plan}) for plan in plans))
    assert [answer.status_code for answer in answers] == [200] * 8
    chain = [event["changes"]["plan"] for event in told(workspace)]
    assert {step["to"] for step in chain} == set(plans)
    by_start = {step["from"]: step["to"] for step in chain}
    plan = "free"
    for _ in plans:
        plan = by_start[plan]
    assert workspace.get("/billing").json()["plan"] == plan
