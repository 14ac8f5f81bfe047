"""The receiver that the fault tests believe."""

import socket
from pathlib import Path

import httpx2

from tests.ledger import Entry, Ledger

REQUEST = (
    b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nwebhook-id: evt_1\r\n"
    b"X-AetherFlow-Delivery: dlv_1\r\nX-AetherFlow-Attempt: 2\r\n\r\n{}"
)


def test_a_request_is_written_down_before_it_is_answered(ledger: Ledger) -> None:
    headers = {"webhook-id": "evt_1", "x-aetherflow-delivery": "dlv_1", "x-aetherflow-attempt": "2"}
    answer = httpx2.post(ledger.url("/hook"), headers=headers, content=b"{}", trust_env=False)

    assert answer.status_code == 200
    [entry] = ledger.entries()
    assert entry == Entry(entry.arrived_ns, "/hook", "evt_1", "dlv_1", 2)


def test_requests_that_come_in_pieces_or_together_are_counted_once_each(ledger: Ledger) -> None:
    with socket.create_connection(("127.0.0.1", ledger.port)) as connection:
        for piece in (REQUEST[:40], REQUEST[40:] + REQUEST + REQUEST):
            connection.sendall(piece)
        answers = b""
        while answers.count(b"200 OK") < 3:
            answers += connection.recv(4096)

    assert ledger.requests_by_event() == {"evt_1": 3}


def test_a_first_attempt_fails_where_the_path_says_so(ledger: Ledger) -> None:
    with socket.create_connection(("127.0.0.1", ledger.port)) as connection:
        second = REQUEST.replace(b"/hook", b"/fails-once")
        first = second.replace(b"Attempt: 2", b"Attempt: 1")
        connection.sendall(first + second)
        answers = b""
        while answers.count(b"\r\n\r\n") < 2:
            answers += connection.recv(4096)

    assert answers.index(b"500 ") < answers.index(b"200 OK")
    assert ledger.count() == 2


def test_entries_survive_the_death_of_the_ledger(ledger: Ledger) -> None:
    httpx2.post(ledger.url(), headers={"webhook-id": "evt_1"}, trust_env=False)
    ledger.kill9()
    ledger.start()
    httpx2.post(ledger.url(), headers={"webhook-id": "evt_2"}, trust_env=False)

    assert list(ledger.requests_by_event()) == ["evt_1", "evt_2"]


def test_a_line_that_is_still_being_written_is_no_entry_yet(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.file.write_bytes(
        b'{"arrived_ns":1,"path":"/","webhook_id":"a","delivery_id":"","attempt":1}\n{"arr'
    )
    assert [entry.webhook_id for entry in ledger.entries()] == ["a"]
