"""Messages between a session's process and the service: whole or not at all, whatever comes in whatever pieces."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterator

import pytest
from aetherflow import AetherFlowError
from aetherflow.runner.channel import MOST_BYTES as MOST_BYTES_OF_CHILD
from aetherflow.runner.channel import Channel as ChildChannel

from app.runner.channel import MOST_BYTES, Channel
from tests.eventually import eventually

MESSAGES = [
    {"print": "a"},
    {},
    {"text": 'quotes " and \\ and \n', "unicode": "Größe 漢字 🎈 \ud800 \0"},
    {"deep": [[[{"a": None}]]], "numbers": [2**70, -0.5, 1e300], "true": True},
]


def framed(message: object) -> bytes:
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack(">I", len(text)) + text


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(20)
        yield one, other


@pytest.fixture
async def service(pair: tuple[socket.socket, socket.socket]) -> AsyncIterator[Channel]:
    """The service's end; the other one is the first of the pair."""
    channel = await Channel.open(pair[1])
    yield channel
    channel.close()
    await asyncio.sleep(0)


async def send(connection: socket.socket, content: bytes) -> None:
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(connection, content)


async def test_messages_arrive_whole_and_in_order(
    service: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    await send(pair[0], b"".join(map(framed, MESSAGES)))
    assert [await service.receive() for _ in MESSAGES] == MESSAGES


async def test_messages_arrive_whole_that_come_byte_by_byte(
    service: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    async def drip() -> None:
        for byte in b"".join(map(framed, MESSAGES)):
            await send(pair[0], bytes([byte]))
            await asyncio.sleep(0)

    dripping = asyncio.create_task(drip())
    assert [await service.receive() for _ in MESSAGES] == MESSAGES
    await dripping


async def test_what_came_before_the_end_is_taken_and_a_part_of_a_message_is_not(
    service: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    await send(pair[0], framed({"n": 1}) + framed({"n": 2}) + framed({"n": 3})[:-1])
    pair[0].close()
    await eventually(lambda: service.is_closed, what="the end has been noticed")
    assert [await service.receive() for _ in range(4)] == [{"n": 1}, {"n": 2}, None, None]
    assert not service.is_garbled


async def test_the_largest_message_is_taken(
    service: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    text = json.dumps({"a": "x" * (MOST_BYTES - 9)}).encode()
    assert len(text) == MOST_BYTES
    sending = asyncio.create_task(send(pair[0], framed(text) + framed({"n": 2})))
    message = await service.receive()
    assert message is not None
    assert len(message["a"]) == MOST_BYTES - 9
    assert await service.receive() == {"n": 2}
    await sending


async def test_whoever_sends_faster_than_is_taken_waits(
    service: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    content = framed({"a": "x" * 1_000_000}) * 80
    sending = asyncio.create_task(send(pair[0], content))
    await eventually(lambda: service._paused, what="nothing more is read")
    assert not sending.done()
    assert len(service._buffer) < MOST_BYTES + 2_000_000
    for _ in range(80):
        assert await service.receive() == {"a": "x" * 1_000_000}
    await sending


@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">I", MOST_BYTES + 1),
        b"\xff" * 100,
        framed(b"{]"),
        framed(b""),
        framed(b"\xff\xfe"),
        framed(b"[1]"),
        framed(b"null"),
        framed(b"[" * 100_000),
        framed(b'{"a":' * 100_000),
        framed(b"1" * 10_000),
    ],
    ids=[
        "too long", "garbage", "no JSON", "empty", "no UTF-8", "a list", "null", "nesting", "nested objects", "a number"
    ],
)  # fmt: skip
async def test_nonsense_ends_the_channel_and_nothing_after_it_is_taken(
    service: Channel, pair: tuple[socket.socket, socket.socket], content: bytes
) -> None:
    await send(pair[0], framed({"n": 1}) + content + framed({"n": 2}))
    async with asyncio.timeout(10):
        assert [await service.receive() for _ in range(3)] == [{"n": 1}, None, None]
    assert service.is_closed
    assert service.is_garbled


async def test_what_nobody_is_there_to_take_is_dropped(
    service: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    pair[0].close()
    service.send({"n": 1})
    await eventually(lambda: service.is_closed, what="the end has been noticed")
    service.send({"n": 2})
    assert await service.receive() is None


async def test_closing_wakes_whoever_waits(service: Channel) -> None:
    waiting = asyncio.create_task(service.receive())
    await asyncio.sleep(0)
    service.close()
    assert await asyncio.wait_for(waiting, 5) is None


async def test_both_ends_understand_each_other(
    service: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    child = ChildChannel(pair[0])
    large = {"a": "ü" * 2_000_000}
    for message in [*MESSAGES, large]:
        service.send(message)
        assert await asyncio.to_thread(child.receive) == message
        sending = asyncio.create_task(asyncio.to_thread(child.send, message))
        assert await service.receive() == message
        await sending


def test_the_child_reads_on_until_a_message_is_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    child = ChildChannel(pair[0])
    content = b"".join(map(framed, MESSAGES))
    pair[1].sendall(content[:7])
    pair[1].sendall(content[7:])
    assert [child.receive() for _ in MESSAGES] == MESSAGES


@pytest.mark.parametrize("content", [b"", b"\0\0", framed({"n": 1})[:-1]])
def test_the_child_notices_that_the_service_is_gone(
    pair: tuple[socket.socket, socket.socket], content: bytes
) -> None:
    pair[1].sendall(content)
    pair[1].close()
    with pytest.raises(EOFError):
        ChildChannel(pair[0]).receive()


def test_the_child_refuses_to_send_what_the_service_would_not_take(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    assert MOST_BYTES_OF_CHILD == MOST_BYTES
    with pytest.raises(AetherFlowError, match="too much to hand over"):
        ChildChannel(pair[0]).send({"a": "x" * MOST_BYTES})
    pair[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        pair[1].recv(1)
