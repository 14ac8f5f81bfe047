"""Members: who they are, who may change them, and that an owner is left."""

import asyncio
from typing import Any

import pytest

from app.errors import Conflict, Forbidden, NotFound
from app.rules.roles import Actor, Role, may_manage
from app.store.models import Workspace
from app.workspaces import invitations, members
from app.workspaces.invitations import NewInvitation
from tests.api.in_process import Inside
from tests.api.problems import assert_refused

ROLES = list(Role)


async def join(inside: Inside, email: str, role: Role) -> dict[str, Any]:
    """Make somebody a member, and return what the API shows of them."""
    invited = await inside.api.post("/invitations", json={"email": email, "role": role})
    body = {"name": email.partition("@")[0], "password": "correct horse"}
    answer = await inside.api.post(f"/invitations/{invited.json()['token']}/accept", json=body)
    assert answer.status_code == 201, answer.text
    member: dict[str, Any] = answer.json()
    return member


async def team(inside: Inside) -> dict[Role, dict[str, Any]]:
    """Return one member of each role."""
    return {role: await join(inside, f"{role}@example.com", role) for role in ROLES}


async def default_workspace(inside: Inside) -> str:
    async with inside.wiring.database.read() as tx:
        found: str | None = await tx.scalar(Workspace.__table__.select().with_only_columns(Workspace.id))
        assert found
        return found


def acting(role: Role) -> Actor:
    return Actor("usr_" + "0" * 32, "whoever", role)


async def test_members_are_listed_newest_first_and_found_by_role_and_address(inside: Inside) -> None:
    made = []
    for role in ROLES:
        made.append(await join(inside, f"{role}@example.com", role))
        inside.clock.move(seconds=1)
    made.reverse()
    assert (await inside.api.get("/members")).json() == {"data": made, "next_cursor": None}
    first = (await inside.api.get("/members?limit=3")).json()
    rest = (await inside.api.get(f"/members?limit=3&cursor={first['next_cursor']}")).json()
    assert (first["data"] + rest["data"], rest["next_cursor"]) == (made, None)
    (admin,) = (await inside.api.get("/members?role=admin")).json()["data"]
    assert admin["role"] == "admin"
    (viewer,) = (await inside.api.get("/members?email=VIEWER@example.com")).json()["data"]
    assert viewer["email"] == "viewer@example.com"
    assert (await inside.api.get("/members?email=nobody@example.com")).json()["data"] == []


async def test_the_list_is_in_order_of_joining_not_of_inviting(inside: Inside) -> None:
    tokens = []
    for email in ("ada@example.com", "bob@example.com"):
        invited = await inside.api.post("/invitations", json={"email": email, "role": "viewer"})
        tokens.append(invited.json()["token"])
    for token in reversed(tokens):
        inside.clock.move(seconds=1)
        body = {"name": "x", "password": "correct horse"}
        await inside.api.post(f"/invitations/{token}/accept", json=body)
    listed = (await inside.api.get("/members")).json()["data"]
    assert [member["email"] for member in listed] == ["ada@example.com", "bob@example.com"]


@pytest.mark.parametrize(
    ("query", "path"),
    [("role=boss", "?role"), ("email=ada", "?email"), ("state=open", "?state"), ("role=a&role=b", "?role")],
)
async def test_a_filter_that_does_not_fit_is_refused(inside: Inside, query: str, path: str) -> None:
    assert_refused(await inside.api.get(f"/members?{query}"), 422, "invalid", path)


async def test_a_role_is_changed_and_a_change_to_the_same_changes_nothing(inside: Inside) -> None:
    member = await join(inside, "ada@example.com", Role.VIEWER)
    inside.clock.move(hours=1)
    changed = await inside.api.patch(f"/members/{member['id']}", json={"role": "owner"})
    expected = {**member, "role": "owner", "updated_at": "2026-01-31T10:30:00Z"}
    assert (changed.status_code, changed.json()) == (200, expected)
    inside.clock.move(hours=1)
    again = await inside.api.patch(f"/members/{member['id']}", json={"role": "owner"})
    assert (again.status_code, again.json()) == (200, expected)
    assert (await inside.api.get(f"/members/{member['id']}")).json() == expected


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "/role"),
        ({"role": None}, "/role"),
        ({"role": "operator"}, "/role"),
        ({"role": "ADMIN"}, "/role"),
        ({"role": "admin", "email": "eve@example.com"}, "/email"),
        ({"role": "admin", "password": "correct horse"}, "/password"),
        ({"role": "admin", "password_hash": "none"}, "/password_hash"),
        ({"role": "admin", "workspace_id": "ws_1"}, "/workspace_id"),
    ],
)
async def test_nothing_but_the_role_of_a_member_can_be_changed(
    inside: Inside, body: dict[str, Any], path: str
) -> None:
    member = await join(inside, "ada@example.com", Role.VIEWER)
    assert_refused(await inside.api.patch(f"/members/{member['id']}", json=body), 422, "invalid", path)
    assert (await inside.api.get(f"/members/{member['id']}")).json() == member


async def test_who_was_removed_is_gone_and_can_be_invited_again_as_somebody_new(inside: Inside) -> None:
    member = await join(inside, "ada@example.com", Role.ADMIN)
    assert (await inside.api.delete(f"/members/{member['id']}")).status_code == 204
    for answer in (
        await inside.api.get(f"/members/{member['id']}"),
        await inside.api.patch(f"/members/{member['id']}", json={"role": "viewer"}),
        await inside.api.delete(f"/members/{member['id']}"),
    ):
        assert_refused(answer, 404, "not_found")
    assert (await join(inside, "ada@example.com", Role.VIEWER))["id"] != member["id"]


async def test_the_last_owner_stays(inside: Inside) -> None:
    people = await team(inside)
    owner = f"/members/{people[Role.OWNER]['id']}"
    for role in ("admin", "developer", "viewer"):
        refused = assert_refused(await inside.api.patch(owner, json={"role": role}), 409, "conflict")
        assert "last owner" in refused["detail"]
    assert_refused(await inside.api.delete(owner), 409, "conflict")
    assert (await inside.api.get(owner)).json() == people[Role.OWNER]
    assert (await inside.api.patch(owner, json={"role": "owner"})).status_code == 200
    admin = f"/members/{people[Role.ADMIN]['id']}"
    assert (await inside.api.patch(admin, json={"role": "owner"})).status_code == 200
    assert (await inside.api.delete(owner)).status_code == 204
    assert_refused(await inside.api.delete(admin), 409, "conflict")


async def test_the_owners_of_another_workspace_do_not_count(inside: Inside) -> None:
    made = await inside.api.post("/workspaces", json={"name": "another"})
    await join(inside, "ada@example.com", Role.OWNER)
    theirs = {"Authorization": f"Bearer {made.json()['api_key']}"}
    invited = await inside.api.post(
        "/invitations", json={"email": "bob@example.com", "role": "owner"}, headers=theirs
    )
    body = {"name": "Bob", "password": "correct horse"}
    bob = (await inside.api.post(f"/invitations/{invited.json()['token']}/accept", json=body)).json()
    assert_refused(await inside.api.delete(f"/members/{bob['id']}", headers=theirs), 409, "conflict")
    assert_refused(await inside.api.delete(f"/members/{bob['id']}"), 404, "not_found")


@pytest.mark.parametrize(
    "verbs", [("demote", "demote"), ("remove", "remove"), ("demote", "remove"), ("remove", "demote")]
)
async def test_of_two_requests_that_take_an_owner_each_one_is_refused(
    inside: Inside, verbs: tuple[str, str]
) -> None:
    for number in range(5):
        pair = [await join(inside, f"{name}{number}@example.com", Role.OWNER) for name in ("ada", "bob")]
        everybody = (await inside.api.get("/members?role=owner")).json()["data"]
        for other in everybody:
            if other["id"] not in {member["id"] for member in pair}:
                assert (await inside.api.delete(f"/members/{other['id']}")).status_code == 204
        paths = [f"/members/{member['id']}" for member in pair]
        requests = [
            inside.api.patch(path, json={"role": "viewer"}) if verb == "demote" else inside.api.delete(path)
            for verb, path in zip(verbs, paths, strict=True)
        ]
        answers = await asyncio.gather(*requests)
        assert sorted(answer.status_code for answer in answers) in ([200, 409], [204, 409])
        assert len((await inside.api.get("/members?role=owner")).json()["data"]) == 1


@pytest.mark.parametrize("role", ROLES)
async def test_whom_a_role_may_not_manage_it_can_neither_invite_nor_change_nor_remove(
    inside: Inside, role: Role
) -> None:
    people = await team(inside)
    await join(inside, "second@example.com", Role.OWNER)
    workspace_id, actor, wiring = await default_workspace(inside), acting(role), inside.wiring
    for subject in ROLES:
        may = may_manage(role, subject)
        new = NewInvitation(f"new-{subject}@example.com", None, subject)
        member_id = people[subject]["id"]
        outcomes = []
        for change in (
            lambda tx, new=new: invitations.invite(
                tx, new, workspace_id=workspace_id, by=actor, wiring=wiring
            ),
            lambda tx, member_id=member_id: members.change_role(
                tx, member_id, Role.VIEWER, workspace_id=workspace_id, by=actor, wiring=wiring
            ),
            lambda tx, member_id=member_id: members.remove(
                tx, member_id, workspace_id=workspace_id, by=actor
            ),
        ):
            try:
                async with wiring.database.write() as tx:
                    await change(tx)
                outcomes.append(True)
            except Forbidden:
                outcomes.append(False)
        assert outcomes == [may, may and may_manage(role, Role.VIEWER), may], subject


async def test_an_admin_cannot_make_an_owner_of_anybody(inside: Inside) -> None:
    people = await team(inside)
    workspace_id, wiring = await default_workspace(inside), inside.wiring
    for role in (Role.ADMIN, Role.DEVELOPER, Role.VIEWER):
        with pytest.raises(Forbidden):
            async with wiring.database.write() as tx:
                await members.change_role(
                    tx,
                    people[role]["id"],
                    Role.OWNER,
                    workspace_id=workspace_id,
                    by=acting(Role.ADMIN),
                    wiring=wiring,
                )
    assert [one["role"] for one in (await inside.api.get("/members?role=owner")).json()["data"]] == ["owner"]


@pytest.mark.parametrize(("role", "may"), [(Role.OWNER, True), (Role.ADMIN, False), (Role.VIEWER, False)])
async def test_the_invitation_of_an_owner_is_an_owner_s_to_revoke(
    inside: Inside, role: Role, may: bool
) -> None:
    made = await inside.api.post("/invitations", json={"email": "ada@example.com", "role": "owner"})
    workspace_id, wiring = await default_workspace(inside), inside.wiring
    try:
        async with wiring.database.write() as tx:
            await invitations.revoke(
                tx, made.json()["id"], workspace_id=workspace_id, by=acting(role), wiring=wiring
            )
        assert may
    except Forbidden:
        assert not may
    (shown,) = (await inside.api.get("/invitations")).json()["data"]
    assert shown["state"] == ("revoked" if may else "open")


async def test_what_is_not_there_is_not_found_whatever_the_role(inside: Inside) -> None:
    workspace_id, wiring = await default_workspace(inside), inside.wiring
    with pytest.raises(NotFound):
        async with wiring.database.write() as tx:
            await members.remove(tx, "usr_none", workspace_id=workspace_id, by=acting(Role.VIEWER))


async def test_removing_an_inviter_leaves_their_invitations_open(inside: Inside) -> None:
    inviter = await join(inside, "ada@example.com", Role.ADMIN)
    workspace_id, wiring = await default_workspace(inside), inside.wiring
    async with wiring.database.write() as tx:
        _, token = await invitations.invite(
            tx,
            NewInvitation("bob@example.com", None, Role.VIEWER),
            workspace_id=workspace_id,
            by=Actor(inviter["id"], inviter["name"], Role.ADMIN),
            wiring=wiring,
        )
    assert (await inside.api.delete(f"/members/{inviter['id']}")).status_code == 204
    shown = (await inside.api.get("/invitations?state=open")).json()["data"]
    assert [one["invited_by"] for one in shown] == [{"id": inviter["id"], "name": "ada"}]
    body = {"name": "Bob", "password": "correct horse"}
    assert (await inside.api.post(f"/invitations/{token}/accept", json=body)).status_code == 201


async def test_a_conflict_is_told_to_whoever_may_do_it_alone(inside: Inside) -> None:
    owner = await join(inside, "ada@example.com", Role.OWNER)
    workspace_id, wiring = await default_workspace(inside), inside.wiring
    for role, error in ((Role.OWNER, Conflict), (Role.ADMIN, Forbidden)):
        with pytest.raises(error):
            async with wiring.database.write() as tx:
                await members.remove(tx, owner["id"], workspace_id=workspace_id, by=acting(role))
