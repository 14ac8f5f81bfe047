"""No wake-up is lost, however what is brought and what parks come together (see `app.store.models.sessions`)."""

import asyncio
import random

import pytest
from sqlalchemy import delete, select

from app.store.database import Database
from app.store.hot.session_rows import ClaimedSession, Receipt
from app.store.models import Arrival, Session, TriggerSubscription
from tests.opened import opened
from tests.store.rows import START, at
from tests.store.session_rows import (
    add_sessions,
    add_workflow,
    claim_sessions,
    new_request,
    new_signal,
    park,
    parked,
    read_session,
    receive,
    rows_of,
    subscribe,
    write,
)

# What the test's clock says: after every time in it, so that whatever is due can be claimed.
LATE = 100_000.0


async def take_arrivals(database: Database, session: ClaimedSession) -> tuple[set[str], int]:
    """Look as a wait does: under the lock of the row, take what has come and note how often it was woken."""
    async with database.write() as tx:
        row = (await tx.scalars(select(Session).where(Session.id == session.id).with_for_update())).one()
        subscriptions = select(TriggerSubscription.id).where(TriggerSubscription.session_id == session.id)
        arrivals = list(await tx.scalars(select(Arrival).where(Arrival.subscription_id.in_(subscriptions))))
        for arrival in arrivals:
            await tx.execute(
                delete(Arrival).where(
                    Arrival.subscription_id == arrival.subscription_id,
                    Arrival.request_id == arrival.request_id,
                )
            )
        if not arrivals:
            row.status = "waiting"
        return {arrival.request_id for arrival in arrivals}, row.wakes


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_request_reaches_its_sessions_while_they_park_and_are_woken(
    database: Database, database_url: str, seed: int
) -> None:
    """Two processes receive, three perform: look, find nothing, park, and be claimed again for what came."""
    chance = random.Random(seed)
    workflow_id = await add_workflow(database)
    sessions = await add_sessions(database, workflow_id, 8)
    for session_id in sessions:
        await subscribe(database, session_id, workflow_id)
    requests = [new_request(workflow_id, received_at=at(place)) for place in range(60)]
    expected = {request.id for request in requests}
    taken: dict[str, set[str]] = {session_id: set() for session_id in sessions}

    async def bring(place: Database, share: list[int]) -> None:
        for number in share:
            await receive(place, Receipt(requests[number], None, 1))
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() * 0.004)

    async def perform(place: Database) -> None:
        while any(found != expected for found in taken.values()):
            claimed = await claim_sessions(place, 3, seconds=LATE)
            if not claimed:
                await asyncio.sleep(0.002)
            for session in claimed:
                await perform_one(place, session)

    async def perform_one(place: Database, session: ClaimedSession) -> None:
        while True:
            found, wakes = await take_arrivals(place, session)
            taken[session.id] |= found
            if not found and await park(place, session, wakes=wakes):
                return

    async with opened(database_url) as other, asyncio.timeout(40):
        await asyncio.gather(
            bring(database, list(range(0, 60, 2))),
            bring(other, list(range(1, 60, 2))),
            perform(database),
            perform(other),
            perform(other),
        )
    assert taken == dict.fromkeys(sessions, expected)
    assert await rows_of(database, Arrival) == []


async def test_a_renewal_that_comes_after_the_parking_does_not_hide_the_session(database: Database) -> None:
    """It would look leased to whoever brings something, and become due for nobody."""
    workflow_id = await add_workflow(database)
    await add_sessions(database, workflow_id)
    [session] = await claim_sessions(database)
    assert await park(database, session)
    states = await database.sessions.renew([(session.id, session.token)], leased_until=at(1010))
    assert not states[session.id].held
    await subscribe(database, session.id, workflow_id)
    await receive(database, Receipt(new_request(workflow_id, received_at=at(1001)), None, 1))
    assert [woken.id for woken in await claim_sessions(database, seconds=1001)] == [session.id]


async def test_what_comes_between_the_look_and_the_parking_keeps_the_session_up(database: Database) -> None:
    workflow_id = await add_workflow(database)
    await add_sessions(database, workflow_id)
    [session] = await claim_sessions(database)
    await subscribe(database, session.id, workflow_id)
    found, wakes = await take_arrivals(database, session)
    request = new_request(workflow_id)
    await receive(database, Receipt(request, None, 1))
    assert found == set()
    assert not await park(database, session, wakes=wakes)
    found, wakes = await take_arrivals(database, session)
    assert found == {request.id}
    assert await park(database, session, wakes=wakes)


async def test_a_signal_to_oneself_in_the_writing_that_parks_makes_the_session_due(
    database: Database,
) -> None:
    workflow_id = await add_workflow(database)
    await add_sessions(database, workflow_id)
    [session] = await claim_sessions(database)
    signal = new_signal(session.id, created_at=START)
    await write(database, session, change=parked(session), signals=[signal])
    assert (await read_session(database, session.id)).due_at == START
