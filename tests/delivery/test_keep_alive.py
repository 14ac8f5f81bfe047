"""Which connections carry a second request, and which must not."""

import asyncio
import os
import socket
from collections.abc import Callable

import pytest

from app.rules.lifecycle import ResultClass
from delivery.http1 import Connection
from delivery.pools import Pools
from tests.delivery.posting import Names, Poster, poster
from tests.receivers import Receiver, Script, Visit, answer, close, hang, message, raw, receiver, turns

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

OK = b"HTTP/1.1 200 OK\r\n"


async def post_twice(here: Poster, there: Receiver) -> int:
    """How many connections two requests took; both must succeed."""
    for _ in range(2):
        assert (await here.post(there.url)).result is ResultClass.SUCCESS
    return there.connections


@pytest.mark.parametrize(
    "answer_bytes",
    [
        message(200),
        b"HTTP/1.1 204 No Content\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + message(200),
        message(200, b"x" * 40_000),
    ],
)
async def test_a_connection_is_used_again_after_a_whole_answer(answer_bytes: bytes) -> None:
    async with receiver(raw(answer_bytes)) as there, poster() as here:
        assert await post_twice(here, there) == 1


async def test_a_reused_connection_tells_no_time_for_connecting() -> None:
    async with receiver() as there, poster() as here:
        first, second = await here.post(there.url), await here.post(there.url)
    assert first.connect_ms is not None
    assert second.connect_ms is None
    assert first.peer == second.peer


@pytest.mark.parametrize(
    "script",
    [
        answer(200, headers={"Connection": "close"}),
        raw(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        raw(message(200) + message(200, b"of somebody else")),
        raw(message(200) + b"garbage"),
        close(OK + b"\r\nbody without framing"),
        raw(message(200, b"x" * 100_000)),
        answer(200, headers={"Keep-Alive": "timeout=1"}),
    ],
    ids=["close", "HTTP/1.0", "second answer", "garbage", "unframed", "over the limit", "no idle time"],
)
async def test_a_connection_is_not_used_again(script: Script) -> None:
    async with receiver(script) as there, poster() as here:
        assert await post_twice(here, there) == 2


async def test_a_server_may_close_after_every_answer_without_losing_a_request() -> None:
    async def answer_and_close(visit: Visit) -> None:
        await visit.write(message())
        visit.close()

    async with receiver(answer_and_close) as there, poster() as here:
        for _ in range(5):
            assert (await here.post(there.url)).result is ResultClass.SUCCESS
            await connections_end(there)
        assert there.connections == 5


async def test_what_the_loop_has_not_read_yet_bars_a_connection_too() -> None:
    async with receiver() as there:
        for surprise in (message(200, b"prepared by somebody"), b""):
            connection = await open_connection(there)
            (visit,) = there.visits
            peer = visit.writer.get_extra_info("socket")
            quiet = [connection.is_quiet]
            # Past the loop, which gets no turn before the connection is asked.
            with socket.socket(fileno=os.dup(peer.fileno())) as shortcut:
                shortcut.send(surprise) if surprise else shortcut.shutdown(socket.SHUT_WR)
            quiet.append(connection.is_quiet)
            assert quiet == [True, False]
            connection.abort()
            await connections_end(there)


async def test_bytes_on_an_idle_connection_are_never_taken_for_an_answer() -> None:
    async with receiver(turns(answer(200), answer(503))) as there, poster() as here:
        await here.post(there.url)
        (visit,) = there.visits
        await visit.write(message(200, b"prepared by somebody"))
        await connections_end(there)
        got = await here.post(there.url)
        assert (got.result, there.connections) == (ResultClass.SERVER_ERROR, 2)


async def test_a_server_that_speaks_before_it_is_asked_gets_no_request() -> None:
    async with receiver(hang(message(200, b"too early")), reads=False) as there:
        connection = await connect(there)
        await hold(lambda: connection.closed)
        deadline = asyncio.get_running_loop().time() + 20
        async with asyncio.timeout(10):
            await connection.send(b"POST / HTTP/1.1\r\n\r\n", b"", deadline=deadline)
        assert (connection.failure, connection.response.status) == (ResultClass.PROTOCOL, 0)
        assert connection.error == "the connection was closed before an answer came"


async def test_an_idle_connection_is_closed_when_the_transport_closes() -> None:
    async with receiver() as there:
        async with poster() as here:
            await here.post(there.url)
            assert len(there.visits) == 1
        await connections_end(there)


async def test_two_names_at_one_address_do_not_share_connections() -> None:
    names = Names({"a.example": [["127.0.0.1"]], "b.example": [["127.0.0.1"]]})
    async with receiver() as there, poster(resolve=names.resolve) as here:
        for name in ("a.example", "b.example", "a.example", "b.example"):
            await here.post(there.url_at(name))
        assert there.connections == 2
        assert [request.connection for request in there.requests] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 1.5),
        ("timeout=5", 4.0),
        ("timeout=5, max=100", 4.0),
        ("max=100, Timeout = 5", 4.0),
        ("timeout=2", 1.0),
        ("timeout=600", 30.0),
        ("timeout=0", -1.0),
        ("timeout=soon", 1.5),
        ("timeout=99999999999999999999", 30.0),
    ],
)
async def test_a_connection_lies_idle_a_second_less_than_the_server_says(
    header: str | None, seconds: float
) -> None:
    connection = Connection(asyncio.get_running_loop(), ("http", "a", 80), peer="")
    connection.response.feed(message(headers={"Keep-Alive": header} if header else None))
    assert connection.idle_seconds == seconds


async def open_connection(there: Receiver) -> Connection:
    """One that has had an exchange and may be put into a pool."""
    connection = await connect(there)
    deadline = asyncio.get_running_loop().time() + 20
    await connection.send(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"", deadline=deadline)
    assert connection.reusable
    return connection


async def connect(there: Receiver) -> Connection:
    loop = asyncio.get_running_loop()
    connection = Connection(loop, ("http", "127.0.0.1", there.port), peer="")
    await loop.create_connection(lambda: connection, "127.0.0.1", there.port)
    return connection


async def connections_end(there: Receiver) -> None:
    await hold(lambda: not there.visits)


async def hold(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds, which other tasks of this loop bring about."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_the_connection_used_last_is_used_first() -> None:
    pools = Pools()
    async with receiver() as there:
        connections = [await open_connection(there) for _ in range(3)]
        for connection in connections:
            pools.put(connection)
        assert [pools.take(connections[0].origin) for _ in range(4)] == [*reversed(connections), None]
        for connection in connections:
            connection.abort()
    pools.close()


async def test_pools_keep_so_many_of_an_origin_and_so_many_in_all() -> None:
    pools = Pools(idle_per_origin=2, idle_in_all=3)
    async with receiver() as here, receiver() as there:
        for place in (here, here, here, there, there):
            pools.put(await open_connection(place))
        assert len(pools) == 3
        await hold(lambda: len(here.visits) + len(there.visits) == 3)
        pools.close()


async def test_a_connection_that_the_server_closes_leaves_its_pool_at_once() -> None:
    pools = Pools()
    async with receiver() as there:
        for _ in range(3):
            pools.put(await open_connection(there))
        for visit in tuple(there.visits):
            visit.close()
        await hold(lambda: len(pools) == 0)
        assert pools.take(("http", "127.0.0.1", there.port)) is None
    pools.close()


async def test_connections_that_nobody_asks_for_are_closed_when_their_time_is_over() -> None:
    pools = Pools()
    async with receiver(answer(headers={"Keep-Alive": "timeout=1"})) as there:
        pools.put(await open_connection(there))
        await connections_end(there)
    assert len(pools) == 0
    pools.close()


async def test_a_connection_whose_time_is_over_is_not_handed_out() -> None:
    pools = Pools()
    async with receiver(answer(headers={"Keep-Alive": "timeout=1"})) as there:
        pools.put(await open_connection(there))
        assert pools.take(("http", "127.0.0.1", there.port)) is None
        await connections_end(there)
    pools.close()


async def test_nothing_is_kept_after_closing() -> None:
    pools = Pools()
    async with receiver() as there:
        connection = await open_connection(there)
        pools.close()
        pools.put(connection)
        assert pools.take(connection.origin) is None
        await connections_end(there)
