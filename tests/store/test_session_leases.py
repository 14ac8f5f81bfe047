"""What both databases promise of `claim`, `renew` and `void_leases`: a session has one holder at a time."""

import asyncio
from datetime import timedelta

import pytest

from app.store.database import Database
from app.store.models import Session
from tests.opened import opened
from tests.store.rows import LEASE, START, add_workspace, at, new_token
from tests.store.session_rows import (
    add_claimed,
    add_sessions,
    add_workflow,
    change_session,
    change_workflow,
    claim_sessions,
    ended,
    new_receipt,
    park,
    publish_nothing,
    read_session,
    receive,
    rows_of,
    write,
)


@pytest.fixture
async def workflow_id(database: Database) -> str:
    return await add_workflow(database)


async def test_a_claimed_session_comes_with_all_that_performing_it_takes(
    database: Database, workflow_id: str
) -> None:
    await change_workflow(database, workflow_id, version=1)
    receipt = new_receipt(workflow_id, is_durable=True, parent_id="ses_parent", input="{}", is_sync=True)
    await receive(database, receipt)
    token = new_token()
    [session] = await claim_sessions(database, seconds=7, token=token)
    expected = receipt.session
    assert expected is not None
    for name in (
        "id",
        "workspace_id",
        "workflow_id",
        "deployment_id",
        "trigger_id",
        "request_id",
        "parent_id",
    ):
        assert getattr(session, name) == getattr(expected, name)
    assert (session.call, session.input, session.created_at) == (expected.call, "{}", START)
    assert (session.is_durable, session.is_sync, session.stop_forced, session.is_stopping) == (
        True,
        True,
        False,
        False,
    )
    assert (session.attempt, session.deaths, session.active_seconds, session.wakes) == (1, 0, 0.0, 0)
    assert (session.wait, session.stop_reason, session.custom_data, session.log_length) == (
        None,
        None,
        None,
        0,
    )
    assert (session.workflow_version, session.token) == (1, token)
    assert session.request == receipt.request
    row = await read_session(database, session.id)
    assert (row.status, row.attempt, row.started_at) == ("running", 1, at(7))
    assert (row.lease_token, row.leased_until) == (token, at(7) + LEASE)


async def test_a_session_without_a_request_is_claimed_too(database: Database, workflow_id: str) -> None:
    receipt = new_receipt(workflow_id, request_id=None, trigger_id=None, input='{"data":1}')
    await receive(database, receipt, new_receipt(workflow_id, seconds=1))
    first, second = await claim_sessions(database)
    assert (first.request, first.trigger_id, first.input) == (None, None, '{"data":1}')
    assert second.request is not None


async def test_what_was_left_of_an_earlier_attempt_comes_along(database: Database, workflow_id: str) -> None:
    session = await add_claimed(database, workflow_id)
    assert await park(
        database, session, due_at=at(1100), wait='{"operation":"sleep"}', active_seconds=1.25, deaths=2,
        custom_data='{"a":1}',
    )  # fmt: skip
    await change_session(
        database, session.id, stopping_at=at(1050), stop_forced=True, stop_reason="enough", log_length=9
    )
    await change_workflow(database, workflow_id, version=5)
    [again] = await claim_sessions(database, seconds=1100)
    assert (again.attempt, again.deaths, again.active_seconds, again.log_length) == (2, 2, 1.25, 9)
    assert (again.wait, again.custom_data) == ('{"operation":"sleep"}', '{"a":1}')
    assert (again.is_stopping, again.stop_forced, again.stop_reason) == (True, True, "enough")
    assert again.workflow_version == 5
    assert (await read_session(database, session.id)).started_at == at(1000)


async def test_those_that_have_been_due_longest_are_claimed_first_and_no_more_than_the_limit(
    database: Database, workflow_id: str
) -> None:
    sessions = await add_sessions(database, workflow_id, 6)
    await change_session(database, sessions[4], due_at=at(-60))
    await change_session(database, sessions[0], due_at=at(60))
    assert {session.id for session in await claim_sessions(database, 2)} == {sessions[4], sessions[1]}
    assert await claim_sessions(database, 0) == []
    assert [session.id for session in await claim_sessions(database, 3)] == [
        sessions[2],
        sessions[3],
        sessions[5],
    ]
    assert [session.id for session in await claim_sessions(database)] == [sessions[0]]


async def test_what_is_claimed_together_comes_in_the_order_of_its_making(
    database: Database, workflow_id: str
) -> None:
    sessions = await add_sessions(database, workflow_id, 20)
    for place, session_id in enumerate(sessions):
        await change_session(database, session_id, due_at=at(100 - place))
    assert [session.id for session in await claim_sessions(database)] == sessions


async def test_a_claim_takes_no_more_than_its_limit_from_many(database: Database, workflow_id: str) -> None:
    await add_sessions(database, workflow_id, 500)
    for _ in range(3):
        assert len(await claim_sessions(database, 7)) == 7
    assert len(await claim_sessions(database, 1000)) == 479


async def test_nothing_is_claimed_before_it_is_due(database: Database, workflow_id: str) -> None:
    await add_sessions(database, workflow_id)
    just_before = START - timedelta(microseconds=1)
    assert (
        await database.sessions.claim(
            token=new_token(),
            now=just_before,
            leased_until=just_before + LEASE,
            limit=9,
            publish=publish_nothing,
        )
        == []
    )
    assert len(await claim_sessions(database, seconds=0)) == 1


async def test_what_is_leased_is_not_claimed_until_the_lease_ends(
    database: Database, workflow_id: str
) -> None:
    first = await add_claimed(database, workflow_id)
    just_before = at(1005) - timedelta(microseconds=1)
    claimed = await database.sessions.claim(
        token=new_token(), now=just_before, leased_until=at(9999), limit=9, publish=publish_nothing
    )
    assert claimed == []
    [second] = await claim_sessions(database, seconds=1005)
    assert (second.id, second.attempt) == (first.id, 2)
    assert second.token != first.token
    assert (await read_session(database, first.id)).lease_token == second.token


async def test_what_has_ended_is_never_claimed_again(database: Database, workflow_id: str) -> None:
    for status in ("completed", "failed", "stopped"):
        session = await add_claimed(database, workflow_id)
        await write(database, session, change=ended(status, due_at=at(0)))
    assert await claim_sessions(database, seconds=10**9) == []


async def test_sessions_of_a_disabled_workflow_go_on(database: Database, workflow_id: str) -> None:
    [session_id] = await add_sessions(database, workflow_id)
    await change_workflow(database, workflow_id, enabled=False, version=2)
    [session] = await claim_sessions(database)
    assert (session.id, session.workflow_version) == (session_id, 2)


async def test_claims_at_the_same_time_never_share_a_session(
    database: Database, database_url: str, workflow_id: str
) -> None:
    sessions = await add_sessions(database, workflow_id, 120)
    async with opened(database_url) as other:
        claims = await asyncio.gather(
            *(claim_sessions(place, 9) for place in (database, other) for _ in range(10))
        )
    claimed = [session.id for claim in claims for session in claim]
    assert sorted(claimed) == sorted(set(claimed)) == sorted(sessions)
    assert all(len(claim) <= 9 for claim in claims)
    by_token = {session.id: session.token for claim in claims for session in claim}
    rows = await rows_of(database, Session)
    assert {row.id: row.lease_token for row in rows} == by_token
    assert {row.attempt for row in rows} == {1}


async def test_a_renewed_lease_holds_longer_and_the_others_lapse(
    database: Database, workflow_id: str
) -> None:
    await add_sessions(database, workflow_id, 3)
    held = await claim_sessions(database)
    states = await database.sessions.renew([(s.id, s.token) for s in held[:2]], leased_until=at(1060))
    assert {id_: (state.held, state.is_stopping) for id_, state in states.items()} == {
        held[0].id: (True, False),
        held[1].id: (True, False),
    }
    assert [session.id for session in await claim_sessions(database, seconds=1059)] == [held[2].id]
    row = await read_session(database, held[0].id)
    assert (row.leased_until, row.lease_token) == (at(1060), held[0].token)


async def test_a_lapsed_lease_that_nobody_took_can_be_renewed(database: Database, workflow_id: str) -> None:
    session = await add_claimed(database, workflow_id)
    states = await database.sessions.renew([(session.id, session.token)], leased_until=at(9000))
    assert states[session.id].held
    assert await claim_sessions(database, seconds=8999) == []


async def test_a_lease_that_another_took_is_lost_and_stays_the_others(
    database: Database, workflow_id: str
) -> None:
    session = await add_claimed(database, workflow_id)
    [taken] = await claim_sessions(database, seconds=1010)
    states = await database.sessions.renew([(session.id, session.token)], leased_until=at(9000))
    assert not states[session.id].held
    row = await read_session(database, session.id)
    assert (row.lease_token, row.leased_until) == (taken.token, at(1010) + LEASE)


async def test_the_lease_of_a_session_that_ended_or_never_was_is_lost(
    database: Database, workflow_id: str
) -> None:
    session = await add_claimed(database, workflow_id)
    await write(database, session, change=ended())
    states = await database.sessions.renew(
        [(session.id, session.token), ("ses_nowhere", 5)], leased_until=at(9000)
    )
    assert {id_: state.held for id_, state in states.items()} == {session.id: False, "ses_nowhere": False}
    assert await database.sessions.renew([], leased_until=at(9000)) == {}


async def test_a_parked_session_is_not_leased_again_by_who_renews_late(
    database: Database, workflow_id: str
) -> None:
    session = await add_claimed(database, workflow_id)
    assert await park(database, session, due_at=at(1001))
    await database.sessions.renew([(session.id, session.token)], leased_until=at(9000))
    assert [claimed.id for claimed in await claim_sessions(database, seconds=1001)] == [session.id]


async def test_a_renewal_tells_who_is_to_stop_and_how_often_each_was_woken(
    database: Database, workflow_id: str
) -> None:
    await add_sessions(database, workflow_id, 3)
    polite, forced, woken = await claim_sessions(database)
    await change_session(database, polite.id, stopping_at=at(1001), stop_reason="enough")
    await change_session(database, forced.id, stopping_at=at(1001), stop_forced=True)
    await change_session(database, woken.id, wakes=3)
    states = await database.sessions.renew(
        [(session.id, session.token) for session in (polite, forced, woken)], leased_until=at(1060)
    )
    told = {id_: (s.is_stopping, s.stop_forced, s.stop_reason, s.wakes) for id_, s in states.items()}
    assert told == {
        polite.id: (True, False, "enough", 0),
        forced.id: (True, True, None, 0),
        woken.id: (False, False, None, 3),
    }


async def test_voided_leases_are_free_at_once_and_their_holders_have_lost_them(
    database: Database, workflow_id: str
) -> None:
    running, finished, asleep = [await add_claimed(database, workflow_id) for _ in range(3)]
    await write(database, finished, change=ended())
    assert await park(database, asleep, due_at=at(5000))
    await database.sessions.void_leases()
    assert [session.id for session in await claim_sessions(database, seconds=1000)] == [running.id]
    assert not (await write(database, running, change=ended())).held
    assert (await read_session(database, asleep.id)).due_at == at(5000)


async def test_tokens_of_63_bits_survive(database: Database, workflow_id: str) -> None:
    await add_workspace(database)
    await add_sessions(database, workflow_id)
    token = 2**63 - 1
    [session] = await claim_sessions(database, token=token)
    states = await database.sessions.renew([(session.id, token)], leased_until=at(2000))
    assert states[session.id].held
