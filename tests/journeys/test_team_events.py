"""Somebody is invited and joins, and the customer's endpoint is told of both."""

from typing import Any

import httpx2
from aetherflow.webhooks import Webhook

from tests.eventually import eventually
from tests.receivers import Receiver, receiver
from tests.services import Service


async def arrival(there: Receiver, secret: str, event_type: str) -> dict[str, Any]:
    """Wait for the request that carries a type of event, and return its payload, verified."""

    def arrived() -> dict[str, Any] | None:
        for request in there.requests:
            payload: dict[str, Any] = Webhook(secret).verify(request.body, request.headers)
            if payload["event"] == event_type:
                return payload
        return None

    found: dict[str, Any] = await eventually(arrived, what=f"{event_type} arrives")
    return found


async def test_an_invitation_and_its_acceptance_arrive_signed_and_name_one_user(
    service: Service, api: httpx2.AsyncClient
) -> None:
    async with receiver() as there:
        endpoint = (await api.post("/endpoints", json={"url": there.url, "events": ["user.*"]})).json()
        invited = await api.post(
            "/invitations", json={"email": "Sam@Example.com", "name": "Sam", "role": "developer"}
        )
        invitation = invited.json()
        told = await arrival(there, endpoint["secret"], "user.invited")
        (key,) = (await api.get("/api-keys")).json()["data"]
        inviter = {"id": key["id"], "name": key["name"]}
        user = {
            "id": invitation["user_id"],
            "email": "sam@example.com",
            "name": "Sam",
            "role": "developer",
        }
        assert told["data"] == {"user": user, "invited_by": inviter}

        link = invitation["url"]
        assert link == f"{service.url}/invitations/{invitation['token']}"
        # Sam has no key.
        joined = service.http.post(
            f"/api/v1/invitations/{link.rpartition('/')[2]}/accept",
            json={"name": "Sam Okafor", "password": "correct horse"},
        )
        assert joined.status_code == 201, joined.text
        told = await arrival(there, endpoint["secret"], "user.joined")
        assert told["data"] == {"user": {**user, "name": "Sam Okafor"}, "invited_by": inviter}
        assert len(there.requests) == 2

        sent = b"".join(request.body for request in there.requests).decode()
        logs = "".join(service.logs().values())
        for secret in (invitation["token"], "correct horse", "$argon2id$"):
            assert secret not in sent
            assert secret not in logs
        await api.delete(f"/endpoints/{endpoint['id']}")
