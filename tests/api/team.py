"""What tests of the team do: invite somebody, join, and look at what was told."""

from typing import Any

import httpx2

from tests.api.in_process import Inside
from tests.api.problems import assert_refused

ADA = {"email": "ada@example.com", "name": "Ada", "role": "admin"}
JOINED = {"name": "Ada Lindqvist", "password": "correct horse"}

MEMBERS = {"id", "email", "name", "role", "created_at", "updated_at"}


async def invite(inside: Inside, **changes: Any) -> dict[str, Any]:
    answer = await inside.api.post("/invitations", json={**ADA, **changes})
    assert answer.status_code == 201, answer.text
    invitation: dict[str, Any] = answer.json()
    return invitation


async def accept(inside: Inside, token: str, **changes: Any) -> httpx2.Response:
    """Join without a key, as whoever holds the link does."""
    request = inside.api.build_request("POST", f"/invitations/{token}/accept", json={**JOINED, **changes})
    del request.headers["authorization"]
    return await inside.api.send(request)


async def joined(inside: Inside, **changes: Any) -> dict[str, Any]:
    answer = await accept(inside, (await invite(inside, **changes))["token"])
    assert answer.status_code == 201, answer.text
    member: dict[str, Any] = answer.json()
    return member


async def strangers_key(inside: Inside) -> httpx2.Headers:
    """Make another workspace, and return the headers that its key goes in."""
    made = await inside.api.post("/workspaces", json={"name": "another"})
    return httpx2.Headers({"Authorization": f"Bearer {made.json()['api_key']}"})


async def told(inside: Inside, event_type: str) -> list[dict[str, Any]]:
    """Return the data of the events of a type, the newest first."""
    listed = (await inside.api.get("/events", params={"event": event_type})).json()["data"]
    shown = [(await inside.api.get(f"/events/{event['id']}")).json() for event in listed]
    return [event["payload"]["data"] for event in shown]


async def states(inside: Inside) -> list[str]:
    listed = (await inside.api.get("/invitations")).json()["data"]
    return [invitation["state"] for invitation in listed]


async def assert_gone(inside: Inside, token: str) -> None:
    """Make sure that a token is refused like any that never was."""
    problem = assert_refused(await accept(inside, token), 404, "not_found")
    assert problem["detail"] == "There is no open invitation with this token."
