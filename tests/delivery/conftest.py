"""Tests in this folder run on uvloop, as the service does.

A module that marks itself with `pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])` runs on both
kinds of loop, whose transports differ in when they read, write and report the end of a connection.
"""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

LOOP_FACTORIES = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if any("loop_factories" in mark.kwargs for mark in item.iter_markers("asyncio")):
        return LOOP_FACTORIES
    return {"uvloop": uvloop.new_event_loop}
