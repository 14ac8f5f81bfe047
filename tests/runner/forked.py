"""Performing handlers of a folder in processes that a zygote forks, as the service does."""

import asyncio
import os
import textwrap
from pathlib import Path
from typing import Any

from app.runner.zygote import Process, Zygote

ENDS = {"ended", "failed", "stopped"}


class Programmer:
    """Writes programs and runs them."""

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        self.zygote = zygote
        self.folder = folder
        self.processes: list[Process] = []

    def write(self, text: str, path: str = "program.py") -> None:
        """Write a file of the program."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(textwrap.dedent(text))

    async def fork(self, environment: dict[str, str] | None = None, **members: Any) -> Process:
        """Return a process of the program."""
        process = await self.zygote.fork(self.folder, environment or {"GREETING": "hello"}, **members)
        self.processes.append(process)
        return process

    async def call(self, function: str, **members: Any) -> list[dict[str, Any]]:
        """Perform a session in a process of its own; returns its messages, the last of which says how it ended."""
        process = await self.fork()
        try:
            return await perform(process, function, **members)
        finally:
            process.kill()
            await asyncio.wait_for(asyncio.shield(process.died), 20)

    async def result(self, function: str, **members: Any) -> Any:
        """Return the JSON text that the service would keep of a session's result.

        Raises:
            AssertionError: the handler failed.
        """
        [*_, end] = await self.call(function, **members)
        assert "ended" in end, end
        return end["ended"]


async def perform(process: Process, function: str, **members: Any) -> list[dict[str, Any]]:
    """Perform a session in a process; what it asks of the service has None as its answer."""
    call = function if ":" in function else f"program.py:{function}"
    run: dict[str, Any] = {
        "session_id": "ses_1",
        "call": call,
        "event": {"event_type": "start", "event_id": "ses_1", "data": {"a": 1}},
        "durable": False,
        "journal": [],
        "prints": 0,
        "first": True,
    }
    process.channel.send({"run": run | members})
    messages = []
    async with asyncio.timeout(30):
        while (message := await process.channel.receive()) is not None:
            messages.append(message)
            if message.keys() & ENDS:
                break
            if message.get("awaited"):
                process.channel.send({"result": None})
    return messages


def prints_of(messages: list[dict[str, Any]]) -> list[str]:
    """Return the lines that a session printed."""
    return [message["print"] for message in messages if "print" in message]


def is_running(pid: int) -> bool:
    """Whether a process exists that has not ended; a zombie has."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def descriptors_of(pid: int) -> dict[int, str]:
    """Return the open descriptors of a process and what they are."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue
    return found
