"""Who can be invited, what becomes of it, and what joining makes of a person."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy import select

from app.rules.roles import Role
from app.store.models import Invitation, Member
from app.workspaces import invitations
from app.workspaces.members import NewMember, add
from tests.api.in_process import Inside
from tests.api.problems import assert_refused
from tests.api.team import (
    ADA,
    accept,
    assert_gone,
    invite,
    joined,
    states,
    strangers_key,
    told,
)


async def test_an_invitation_shows_its_link_once_and_its_state_always(inside: Inside) -> None:
    answer = await inside.api.post("/invitations", json=ADA)
    made = answer.json()
    token = made.pop("token")
    assert made.pop("url") == f"http://inside/invitations/{token}"
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/invitations/{made['id']}")
    key = (await inside.api.get("/api-keys")).json()["data"][0]
    assert made == {
        "id": made["id"],
        "user_id": made["user_id"],
        "email": "ada@example.com",
        "name": "Ada",
        "role": "admin",
        "state": "open",
        "invited_by": {"id": key["id"], "name": "bootstrap"},
        "created_at": "2026-01-31T09:30:00Z",
        "expires_at": "2026-02-07T09:30:00Z",
        "accepted_at": None,
        "revoked_at": None,
    }
    listed = await inside.api.get("/invitations")
    assert listed.json() == {"data": [made], "next_cursor": None}
    assert token not in listed.text


async def test_whoever_accepts_becomes_the_member_that_they_were_invited_to_be(inside: Inside) -> None:
    invitation = await invite(inside, email="Ada@Example.COM")
    inside.clock.move(days=6)
    answer = await accept(inside, invitation["token"])
    member = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/members/{member['id']}")
    assert member == {
        "id": invitation["user_id"],
        "email": "ada@example.com",
        "name": "Ada Lindqvist",
        "role": "admin",
        "created_at": "2026-02-06T09:30:00Z",
        "updated_at": "2026-02-06T09:30:00Z",
    }
    assert (await inside.api.get(f"/members/{member['id']}")).json() == member
    (shown,) = (await inside.api.get("/invitations?state=accepted")).json()["data"]
    assert (shown["state"], shown["accepted_at"]) == ("accepted", "2026-02-06T09:30:00Z")


async def test_both_events_name_the_same_user_and_inviter(inside: Inside) -> None:
    invitation = await invite(inside, name=None)
    user = {"id": invitation["user_id"], "email": "ada@example.com", "name": None, "role": "admin"}
    expected = {"user": user, "invited_by": invitation["invited_by"]}
    assert await told(inside, "user.invited") == [expected]
    assert await told(inside, "user.joined") == []
    await accept(inside, invitation["token"])
    expected["user"] = {**user, "name": "Ada Lindqvist"}
    assert await told(inside, "user.joined") == [expected]


async def test_what_is_refused_tells_nobody(inside: Inside) -> None:
    invitation = await invite(inside)
    await inside.api.post("/invitations", json=ADA)
    await accept(inside, invitation["token"], password="short")
    await accept(inside, invitation["token"])
    await accept(inside, invitation["token"])
    assert (len(await told(inside, "user.invited")), len(await told(inside, "user.joined"))) == (1, 1)


async def test_a_revoked_invitation_is_gone_and_can_be_sent_anew(inside: Inside) -> None:
    invitation = await invite(inside)
    assert (await inside.api.delete(f"/invitations/{invitation['id']}")).status_code == 204
    await assert_gone(inside, invitation["token"])
    assert await states(inside) == ["revoked"]
    assert_refused(await inside.api.delete(f"/invitations/{invitation['id']}"), 404, "not_found")
    assert (await accept(inside, (await invite(inside))["token"])).status_code == 201


async def test_what_is_not_open_cannot_be_revoked(inside: Inside) -> None:
    accepted, expired = await invite(inside), await invite(inside, email="bob@example.com")
    await accept(inside, accepted["token"])
    inside.clock.move(days=7)
    for invitation in (accepted, expired):
        assert_refused(await inside.api.delete(f"/invitations/{invitation['id']}"), 404, "not_found")
    assert await states(inside) == ["expired", "accepted"]


async def test_an_invitation_of_another_workspace_cannot_be_revoked(inside: Inside) -> None:
    stranger = await strangers_key(inside)
    invitation = await invite(inside)
    answer = await inside.api.delete(f"/invitations/{invitation['id']}", headers=stranger)
    assert_refused(answer, 404, "not_found")
    assert (await accept(inside, invitation["token"])).status_code == 201


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com", "aDa@EXAMPLE.com"])
async def test_an_address_has_one_open_invitation_whatever_its_case(inside: Inside, email: str) -> None:
    await invite(inside)
    answer = await inside.api.post("/invitations", json={**ADA, "email": email})
    problem = assert_refused(answer, 409, "conflict", "/email")
    assert "Revoke it first" in problem["detail"]


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com"])
async def test_a_member_cannot_be_invited_again(inside: Inside, email: str) -> None:
    await joined(inside)
    answer = await inside.api.post("/invitations", json={**ADA, "email": email})
    problem = assert_refused(answer, 409, "conflict", "/email")
    assert "change the member" in problem["detail"]


async def test_of_two_invitations_for_one_address_at_once_one_is_made(inside: Inside) -> None:
    answers = await asyncio.gather(*(inside.api.post("/invitations", json=ADA) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert await states(inside) == ["open"]
    assert len(await told(inside, "user.invited")) == 1


async def test_an_expired_invitation_does_not_stand_in_the_way(inside: Inside) -> None:
    old = await invite(inside)
    inside.clock.move(days=7)
    new = await invite(inside)
    await assert_gone(inside, old["token"])
    assert (await accept(inside, new["token"])).json()["id"] == new["user_id"]


async def test_the_same_person_may_be_in_two_workspaces(inside: Inside) -> None:
    stranger = await strangers_key(inside)
    await joined(inside)
    token = (await inside.api.post("/invitations", json=ADA, headers=stranger)).json()["token"]
    assert (await accept(inside, token)).status_code == 201


async def test_who_has_become_a_member_by_another_way_cannot_join_twice(inside: Inside) -> None:
    invitation = await invite(inside)
    async with inside.wiring.database.write() as tx:
        workspace_id = (await tx.get_one(Invitation, invitation["id"])).workspace_id
        new = NewMember("usr_" + "0" * 32, "ada@example.com", "Ada", Role.VIEWER, "none")
        await add(tx, new, workspace_id=workspace_id, wiring=inside.wiring)
    assert_refused(await accept(inside, invitation["token"]), 409, "conflict", "/email")
    (member,) = (await inside.api.get("/members")).json()["data"]
    assert member["role"] == "viewer"
    assert await states(inside) == ["open"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"email": "ada"}, "/email"),
        ({"email": "ada@example.com\r\nBcc: all@example.com"}, "/email"),
        ({"email": "Ada <ada@example.com>"}, "/email"),
        ({"email": "ada@example.com\0"}, "/email"),
        ({"email": f"{'a' * 300}@example.com"}, "/email"),
        ({"email": ["ada@example.com"]}, "/email"),
        ({"email": None}, "/email"),
        ({"role": "operator"}, "/role"),
        ({"role": "Owner"}, "/role"),
        ({"role": "owner\n"}, "/role"),
        ({"role": ""}, "/role"),
        ({"role": 1}, "/role"),
        ({"role": None}, "/role"),
        ({"role": ["owner"]}, "/role"),
        ({"name": ""}, "/name"),
        ({"name": "  \t "}, "/name"),
        ({"name": "Ada\r\nBcc: all@example.com"}, "/name"),
        ({"name": "Ada\u2028"}, "/name"),
        ({"name": "Ada\0"}, "/name"),
        ({"name": "a" * 201}, "/name"),
        ({"workspace_id": "ws_" + "0" * 32}, "/workspace_id"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "/expires_at"),
        ({"token": "afi_mine"}, "/token"),
    ],
)
async def test_what_does_not_fit_invites_nobody(inside: Inside, changes: dict[str, Any], path: str) -> None:
    answer = await inside.api.post("/invitations", json={**ADA, **changes})
    assert_refused(answer, 422, "invalid", path)
    assert await states(inside) == []


@pytest.mark.parametrize("missing", ["email", "role"])
async def test_an_invitation_needs_an_address_and_a_role(inside: Inside, missing: str) -> None:
    body = {name: value for name, value in ADA.items() if name != missing}
    answer = await inside.api.post("/invitations", json=body)
    assert_refused(answer, 422, "invalid", f"/{missing}")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"password": "1234567"}, "/password"),
        ({"password": "x" * 1025}, "/password"),
        ({"password": "correct\0horse"}, "/password"),
        ({"password": 1234567890}, "/password"),
        ({"password": None}, "/password"),
        ({"name": ""}, "/name"),
        ({"name": "Ada\nLindqvist"}, "/name"),
        ({"name": None}, "/name"),
        # What somebody joins as is not theirs to choose.
        ({"role": "owner"}, "/role"),
        ({"email": "eve@example.com"}, "/email"),
        ({"id": "usr_1"}, "/id"),
    ],
)
async def test_what_does_not_fit_joins_nobody_and_leaves_the_invitation_open(
    inside: Inside, changes: dict[str, Any], path: str
) -> None:
    token = (await invite(inside, role="viewer"))["token"]
    answer = await accept(inside, token, **changes)
    assert_refused(answer, 422, "invalid", path)
    assert str(changes.get("password") or "nothing") not in answer.text
    assert (await inside.api.get("/members")).json()["data"] == []
    assert (await accept(inside, token)).json()["role"] == "viewer"


@pytest.mark.parametrize(
    "password", ["12345678", "p" * 1024, "pa ss\tw\nörd", "🦉" * 8, "'; DROP TABLE members; --", "ﷺ" * 1024]
)
async def test_a_password_is_kept_as_an_argon2id_hash_of_its_own(inside: Inside, password: str) -> None:
    for email in ("ada@example.com", "bob@example.com"):
        token = (await invite(inside, email=email))["token"]
        assert (await accept(inside, token, password=password)).status_code == 201
    async with inside.wiring.database.read() as tx:
        first, second = (await tx.scalars(select(Member.password_hash))).all()
    assert first != second
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_password_counts_in_whatever_way_its_letters_were_composed(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    await accept(inside, token, password="cafe\u0301 au lait")
    async with inside.wiring.database.read() as tx:
        kept = (await tx.scalars(select(Member.password_hash))).one()
    Argon2id.verify_phc_encoded("caf\u00e9 au lait".encode(), kept)


class AbandonedError(Exception):
    """Something that goes wrong at the end of a transaction."""


async def test_a_joining_that_is_rolled_back_leaves_neither_member_nor_event(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    with suppress(AbandonedError):
        async with inside.wiring.database.write() as tx:
            await invitations.accept(tx, token, name="Ada", password_hash="none", wiring=inside.wiring)
            raise AbandonedError
    assert (await inside.api.get("/members")).json()["data"] == []
    assert await told(inside, "user.joined") == []
    assert (await accept(inside, token)).status_code == 201
