"""Programs in a folder, and real processes that run them."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.runner.zygote import Zygote
from tests.runner.forked import Programmer

# Room for an interpreter and what tests make it hold.
MEMORY_BYTES = 512 * 1024 * 1024


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    zygote = Zygote(python=sys.executable, memory_bytes=MEMORY_BYTES)
    yield zygote
    await zygote.stop()


@pytest.fixture
async def program(zygote: Zygote, tmp_path: Path) -> AsyncIterator[Programmer]:
    folder = tmp_path / "deployed"
    folder.mkdir()
    programmer = Programmer(zygote, folder)
    yield programmer
    for process in programmer.processes:
        process.kill()
