"""Signals that sessions ask to be sent, of both databases in turn."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from app.inbound.answers import Waiters
from app.inbound.sessions import find
from app.inbound.stopping import stop
from app.outbound.announce import Announcer
from app.queue import LocalQueue
from app.runner.operations import operate
from app.runner.past import Past
from app.runner.performance import Performance
from app.runner.processes import Place, Processes
from app.runner.programs import Program, Programs
from app.runner.stage import Stage
from app.runner.writer import SessionWriter
from app.runner.zygote import Zygote, python_of
from app.store.models import Session, Signal
from tests.opened import empty, fresh_database
from tests.outbound.sites import new_wiring
from tests.store.session_rows import (
    add_sessions,
    add_workflow,
    claim_sessions,
    new_receipt,
    receive,
    rows_of,
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request)


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """What performances work with; none of them starts a process here."""
    wiring = new_wiring(database_url, LocalQueue())
    await wiring.database.open()
    await empty(wiring.database)
    processes = Processes(Zygote(python=python_of(None), memory_bytes=1 << 29), limit=4)
    announcer, waiters = Announcer(wiring), Waiters(wiring.database)
    yield Stage(
        wiring,
        Programs(wiring, tmp_path, packages=None),
        processes,
        SessionWriter(wiring.database, announcer, waiters),
        waiters,
        announcer,
    )
    await wiring.database.close()


async def begin(stage: Stage, number: int) -> list[Performance]:
    """Claim so many sessions of one workspace, as if their handlers ran."""
    database = stage.wiring.database
    await add_sessions(database, await add_workflow(database), number, is_durable=True)
    program = Program("dep_1", 1, Path("/"), {}, {})
    return [
        Performance(stage, session, program=program, place=cast(Place, None), operate=operate, past=Past())
        for session in await claim_sessions(database)
    ]


def asks_to_signal(session_id: str, seq: int, name: str = "go") -> dict[str, Any]:
    arguments = {"session_id": session_id, "name": name, "payload": {"n": seq}}
    return {"perform": "signal", "name": session_id, "seq": seq, "arguments": arguments}


async def test_sessions_that_signal_each_other_at_once_do_not_block_each_other(stage: Stage) -> None:
    performances = await begin(stage, 12)
    for seq in range(1, 4):
        answers = await asyncio.gather(
            *(
                operate(one, asks_to_signal(other.session.id, seq))
                for one, other in zip(performances, reversed(performances), strict=True)
            )
        )
        assert answers == [{"result": None}] * 12
    assert len(await rows_of(stage.wiring.database, Signal)) == 36
    assert {row.wakes for row in await rows_of(stage.wiring.database, Session)} == {3}


async def test_a_session_may_signal_itself(stage: Stage) -> None:
    [performance] = await begin(stage, 1)
    assert await operate(performance, asks_to_signal(performance.session.id, 1)) == {"result": None}
    [signal] = await rows_of(stage.wiring.database, Signal)
    assert (signal.session_id, signal.name, signal.payload) == (performance.session.id, "go", '{"n": 1}')


async def test_a_session_that_is_not_there_or_of_another_workspace_cannot_be_signalled(stage: Stage) -> None:
    [performance] = await begin(stage, 1)
    other = (await begin(stage, 1))[-1].session
    async with stage.wiring.database.write() as tx:
        (await tx.get_one(Session, other.id)).workspace_id = "ws_other"
    for seq, session_id in enumerate(("ses_nowhere", other.id), start=1):
        answer = await operate(performance, asks_to_signal(session_id, seq))
        assert answer == {
            "error": {"type": "AetherFlowError", "message": f"session {session_id!r} not found"}
        }


async def test_a_session_may_signal_one_that_is_stopped_at_that_moment(stage: Stage) -> None:
    """The one that is stopped tells the one that started it, so both lock both."""
    database = stage.wiring.database
    [parent] = await begin(stage, 1)
    receipts = [
        new_receipt(parent.session.workflow_id, parent_id=parent.session.id, is_durable=True)
        for _ in range(20)
    ]
    await receive(database, *receipts)
    children = [receipt.session.id for receipt in receipts if receipt.session is not None]

    async def stop_one(session_id: str) -> None:
        async with database.write() as tx:
            session = await find(tx, parent.session.workspace_id, session_id, locked=True)
            await stop(tx, session, reason=None, force=False, wiring=stage.wiring)

    async def signal_one(seq: int, session_id: str) -> dict[str, Any]:
        return await operate(parent, asks_to_signal(session_id, seq))

    for seq, session_id in enumerate(children, start=1):
        answer, _ = await asyncio.gather(signal_one(seq, session_id), stop_one(session_id))
        assert answer == {"result": None} or answer["error"]["message"].endswith("has ended")
    signals = await rows_of(database, Signal)
    assert {signal.name for signal in signals if signal.session_id == parent.session.id} == set(children)
