"""Receivers that misbehave in every way, next to one that does not."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from tests.faults.findings import Fault
from tests.faults.publisher import RETRIED
from tests.faults.trial import Trial
from tests.receivers import Script, drip, endless, hang, receiver, reset

pytestmark = pytest.mark.slow

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
MISBEHAVIOURS: dict[str, Script] = {
    "drips its head": drip(b"", HEAD * 100),
    "drips its body": drip(HEAD, b"x" * 1_000),
    "hangs at once": hang(),
    "hangs in its head": hang(HEAD[:20]),
    "resets": reset(),
    "never ends its body": endless(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"
    ),
    "never ends its head": endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 100),
}


async def test_a_healthy_receiver_gets_everything_next_to_misbehaving_ones(trial: Trial) -> None:
    def publish() -> Fault:
        with trial.load() as load:
            load.flow()
            fault = Fault("receivers that misbehave", time.time_ns())
            for there in receivers:
                trial.register(there.url, events=[RETRIED], timeout_seconds=1)
            # Longer than their time-out.
            for _ in range(3):
                load.flow()
        return fault

    async with AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(receiver(script)) for script in MISBEHAVIOURS.values()]
        fault = await asyncio.to_thread(publish)
        await asyncio.to_thread(trial.judge, fault)
        assert all(there.requests for there in receivers)
