"""The link of an invitation: good for whoever holds it, once, for a week, and for nobody else."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from app.errors import NotFound
from app.store.models import Invitation, Member, Row
from app.workspaces import invitations
from app.workspaces.invitation_tokens import make_token
from tests.api.in_process import Inside
from tests.api.problems import assert_refused
from tests.api.team import (
    ADA,
    JOINED,
    MEMBERS,
    accept,
    assert_gone,
    invite,
    states,
    strangers_key,
    told,
)


async def test_a_token_is_good_for_one_person_once(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    assert (await accept(inside, token)).status_code == 201
    await assert_gone(inside, token)
    assert len((await inside.api.get("/members")).json()["data"]) == 1


async def test_of_those_who_accept_at_once_exactly_one_joins(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    answers = await asyncio.gather(*(accept(inside, token, name=f"Ada {number}") for number in range(5)))
    winner, *losers = sorted(answers, key=lambda answer: answer.status_code)
    assert winner.status_code == 201
    for loser in losers:
        assert_refused(loser, 404, "not_found")
    assert (await inside.api.get("/members")).json()["data"] == [winner.json()]
    assert len(await told(inside, "user.joined")) == 1


async def test_of_transactions_that_accept_at_once_exactly_one_finds_the_invitation(inside: Inside) -> None:
    """Closer together than requests are, which hash a password first."""
    token = (await invite(inside))["token"]

    async def attempt() -> bool:
        try:
            async with inside.wiring.database.write() as tx:
                await invitations.accept(tx, token, name="Ada", password_hash="none", wiring=inside.wiring)
        except NotFound:
            return False
        return True

    assert sorted(await asyncio.gather(*(attempt() for _ in range(6)))) == [False] * 5 + [True]


async def test_an_invitation_ends_after_seven_days_to_the_moment(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    inside.clock.move(days=7, microseconds=-1)
    assert await states(inside) == ["open"]
    refused = await accept(inside, token, password="short")
    assert_refused(refused, 422, "invalid", "/password")
    inside.clock.move(microseconds=1)
    assert await states(inside) == ["expired"]
    await assert_gone(inside, token)
    assert (await inside.api.get("/invitations?state=open")).json()["data"] == []
    assert len((await inside.api.get("/invitations?state=expired")).json()["data"]) == 1


@pytest.mark.parametrize("days", [-7, 7])
async def test_an_invitation_ends_when_its_row_or_its_token_says_so(inside: Inside, days: int) -> None:
    """Whoever can write to the database alone cannot keep a link alive."""
    invitation = await invite(inside)
    async with inside.wiring.database.write() as tx:
        row = await tx.get_one(Invitation, invitation["id"])
        row.expires_at += timedelta(days=days)
    inside.clock.move(days=max(days, 0))
    await assert_gone(inside, invitation["token"])


async def test_a_token_that_is_not_ours_costs_the_database_nothing(inside: Inside) -> None:
    ours = (await invite(inside))["token"]
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(inside.wiring.database.engine.sync_engine, "before_cursor_execute", note)
    for token in ("afi_x", ours[:-9], ours[:50] + ("A" if ours[50] != "A" else "B") + ours[51:]):
        await assert_gone(inside, token)
    assert asked == []
    await accept(inside, ours, password="short")
    assert asked


async def test_of_revoking_and_accepting_at_once_one_wins(inside: Inside) -> None:
    for number in range(5):
        invitation = await invite(inside, email=f"p{number}@example.com")
        answers = await asyncio.gather(
            accept(inside, invitation["token"]), inside.api.delete(f"/invitations/{invitation['id']}")
        )
        assert [answer.status_code for answer in answers] in ([201, 404], [404, 204])


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "=",
        lambda token: token[4:],
        lambda token: token.swapcase(),
        lambda token: f"{token}%00",
        lambda token: f"%20{token}",
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token[:40] + ("A" if token[40] != "A" else "B") + token[41:],
    ],
)
async def test_a_changed_token_is_none(inside: Inside, change: Callable[[str], str]) -> None:
    token = (await invite(inside))["token"]
    await assert_gone(inside, change(token))
    assert (await accept(inside, token)).status_code == 201


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "afi_",
        "afi_" + "A" * 150,
        "x" * 8000,
        "%00",
        "%ff",
        "🦉",
        "{token}",
        "inv_" + "0" * 32,
    ],
)
async def test_garbage_is_no_token(inside: Inside, token: str) -> None:
    await assert_gone(inside, token)


async def test_an_id_or_a_digest_is_no_token(inside: Inside) -> None:
    invitation = await invite(inside)
    async with inside.wiring.database.read() as tx:
        digest = (await tx.get_one(Invitation, invitation["id"])).digest
    for token in (invitation["id"], digest.hex(), base64.urlsafe_b64encode(digest).decode()):
        await assert_gone(inside, token)


async def test_whoever_has_the_keyring_but_not_the_token_cannot_make_one(inside: Inside) -> None:
    invitation = await invite(inside)
    async with inside.wiring.database.read() as tx:
        row = await tx.get_one(Invitation, invitation["id"])
    forged = make_token(row.id, row.expires_at, secret=bytes(32), keyring=inside.wiring.keyring)
    await assert_gone(inside, forged)


async def test_a_token_leads_to_its_own_workspace_whoever_asks(inside: Inside) -> None:
    stranger = await strangers_key(inside)
    token = (await inside.api.post("/invitations", json=ADA, headers=stranger)).json()["token"]
    # The key of another workspace neither helps nor harms.
    answer = await inside.api.post(f"/invitations/{token}/accept", json=JOINED)
    assert answer.status_code == 201
    assert (await inside.api.get("/members")).json()["data"] == []
    assert (await inside.api.get("/members", headers=stranger)).json()["data"] == [answer.json()]
    assert await told(inside, "user.joined") == []


async def test_that_a_token_is_gone_is_told_before_anything_of_the_body(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    await accept(inside, token)
    path = f"/invitations/{token}/accept"
    for options in ({"content": b"["}, {"json": {}}, {"params": {"a": "b"}}, {"content": b"x" * 300_000}):
        assert_refused(await inside.api.post(path, **options), 404, "not_found")


async def test_nobody_reads_a_token_or_a_hash_anywhere(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    keyed = {"Idempotency-Key": "k1"}
    bob = {**ADA, "email": "bob@example.com"}
    first = (await inside.api.post("/invitations", json=bob, headers=keyed)).json()
    again = (await inside.api.post("/invitations", json=bob, headers=keyed)).json()
    assert first.keys() - again.keys() == {"token", "url"}
    answer = await accept(inside, token)
    assert set(answer.json()) == MEMBERS
    async with inside.wiring.database.read() as tx:
        (kept,) = (await tx.scalars(select(Member.password_hash))).all()
        rows = [
            repr(tuple(row))
            for table in Row.metadata.sorted_tables
            for row in await tx.execute(select(table))
        ]
    secrets = [token, token[4:], first["token"], JOINED["password"]]
    secrets += [hashlib.sha256(token.encode()).hexdigest(), kept]
    answers = [await inside.api.get(path) for path in ("/invitations", "/members", "/events?limit=100")]
    answers += [await inside.api.get(f"/events/{event['id']}") for event in answers[-1].json()["data"]]
    for secret in secrets:
        assert all(secret not in one.text for one in answers)
        assert secret == kept or all(secret not in row for row in rows)


async def test_somebody_who_guesses_is_slowed_down_and_keeps_nobody_out(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    answers = await asyncio.gather(*(accept(inside, f"afi_guess{number}") for number in range(50)))
    limited = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {404, 429}
    assert int(limited[0].headers["retry-after"]) >= 1
    assert_refused(limited[0], 429, "rate_limited")
    # The same address, but a genuine token.
    assert (await accept(inside, token)).status_code == 201


async def test_a_genuine_token_cannot_be_used_to_keep_the_service_busy(inside: Inside) -> None:
    token = (await invite(inside))["token"]
    answers = await asyncio.gather(*(accept(inside, token, password="short") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {422, 429}
