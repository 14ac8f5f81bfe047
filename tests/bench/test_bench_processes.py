"""The benchmark's receiver and generator, over real sockets."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from bench.counter import make_counter, open_counter
from bench.events import DATA
from bench.ledger import Arrivals
from bench.link import Child
from bench.load import Load, Sent
from tests.processes import free_port
from tests.waiting import until

REQUEST = b"POST %s HTTP/1.1\r\nHost: x\r\nWebhook-Id: bench-0a1b2c3d-%010d\r\nContent-Length: 4\r\n\r\nbody"


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    path = tmp_path / "counter"
    make_counter(path)
    return path


@pytest.fixture
def receiver(counter: Path) -> Iterator[Child]:
    with contextlib.closing(Child("bench.receiver", str(counter))) as child:
        yield child


@pytest.fixture
def generator(counter: Path) -> Iterator[Child]:
    with contextlib.closing(Child("bench.generator", str(counter))) as child:
        yield child


class Api(ThreadingHTTPServer):
    """Takes events like the service and remembers them; hangs up on one call instead of answering."""

    daemon_threads = True

    def __init__(self, *, hangs_up_on: int | None = None) -> None:
        self.ids: list[str] = []
        self.bodies: list[dict[str, object]] = []
        self.hangs_up_on = hangs_up_on
        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "Api":
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Api)
        body = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        self.server.ids += [event["id"] for event in body.get("events", [body])]
        if len(self.server.bodies) - 1 == self.server.hangs_up_on:
            self.close_connection = True
            return
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


def load(port: int, **changes: object) -> Load:
    settings = {"port": port, "key": "afk_1", "tag": "0a1b2c3d", "first": 7, "seconds": 0.3, "connections": 2}
    return Load(**(settings | changes))  # type: ignore[arg-type]


def publish(generator: Child, what: Load) -> Sent:
    return Sent.of(what, generator.ask(**what.fields()))


def test_the_receiver_notes_number_endpoint_and_time_of_each_request(receiver: Child, counter: Path) -> None:
    port = receiver.hear().fields["port"]
    with socket.create_connection(("127.0.0.1", port)) as connection, open_counter(counter) as counted:
        connection.sendall(REQUEST % (b"/ok/a", 3) + (REQUEST % (b"/ok/b", 4))[:20])
        connection.sendall((REQUEST % (b"/ok/b", 4))[20:])
        until(lambda: counted[0] == 2, what="both requests have been counted")

    arrivals = Arrivals()
    arrivals.add(receiver.ask(do="take"))
    assert [(number, target) for _, number, target in arrivals.each()] == [(3, "/ok/a"), (4, "/ok/b")]
    assert arrivals.times[0] <= arrivals.times[1]
    assert len(receiver.ask(do="take").arrays["times"]) == 0


def test_the_receiver_answers_each_request_as_its_path_says(receiver: Child) -> None:
    port = receiver.hear().fields["port"]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for path in ("/ok/a", "/slow/a?ms=20", "/ok/a"):
        connection.request("POST", path, body=b"{}", headers={"webhook-id": "bench-0a1b2c3d-0000000001"})
        assert connection.getresponse().read() == b""
    connection.close()


def test_an_open_load_makes_every_call_that_falls_due_with_ids_in_a_row(generator: Child) -> None:
    with Api() as api:
        sent = publish(generator, load(api.server_port, calls_per_second=100))

    assert sent.accepted_calls == sent.calls == 30
    assert sorted(api.ids) == [f"bench-0a1b2c3d-{number:010}" for number in range(7, 37)]
    assert list(sent.due_ns) == sorted(sent.due_ns)
    assert all(answered > due for answered, due in zip(sent.answered_ns, sent.due_ns, strict=True))


def test_what_is_published_is_an_event_of_about_400_bytes(generator: Child) -> None:
    with Api() as api:
        publish(generator, load(api.server_port, most_calls=1, types=("a.b", "c.d")))

    assert api.bodies == [{"event": "c.d", "id": "bench-0a1b2c3d-0000000007", "data": orjson.loads(DATA)}]
    assert 350 < len(DATA) < 450


def test_batches_carry_as_many_events_as_told(generator: Child) -> None:
    with Api() as api:
        sent = publish(generator, load(api.server_port, batch=True, events_per_call=5, most_calls=4))

    assert sent.accepted_events == 20
    assert sorted(api.ids) == [f"bench-0a1b2c3d-{number:010}" for number in range(7, 27)]


def test_a_window_holds_calls_back_until_deliveries_have_been_counted(
    generator: Child, counter: Path
) -> None:
    with Api() as api, open_counter(counter) as counted:
        what = load(api.server_port, window=20, deliveries_per_event=10)
        assert publish(generator, what).calls == 2
        generator.tell(**what.fields())
        until(lambda: len(api.bodies) == 4, what="the window is full again")
        counted[0] += 10
        assert Sent.of(what, generator.hear()).calls == 3


def test_a_call_without_an_answer_is_not_accepted_and_the_next_ones_go_on(generator: Child) -> None:
    with Api(hangs_up_on=5) as api:
        sent = publish(generator, load(api.server_port, calls_per_second=100))

    assert sent.refusals() == {0: 1}
    assert sent.accepted_calls == 29


def test_calls_fail_at_once_while_nobody_can_be_connected_to(generator: Child) -> None:
    # The generator starts as soon as it is connected, so the service goes away in the middle.
    what = load(free_port(), calls_per_second=100, seconds=1.0)
    listening = socket.create_server(("127.0.0.1", what.port))
    generator.tell(**what.fields())
    accepted = [listening.accept()[0] for _ in range(what.connections)]
    listening.close()
    for connection in accepted:
        connection.close()

    sent = Sent.of(what, generator.hear())
    assert sent.calls == 100
    assert sent.refusals() == {0: 100}


def test_a_child_ends_when_the_benchmark_goes(counter: Path) -> None:
    child = Child("bench.generator", str(counter))
    assert Path(f"/proc/{child.pid}").exists()
    child.close()
    assert not Path(f"/proc/{child.pid}").exists()
