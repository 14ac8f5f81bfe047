"""How the Python client keeps connections, and what it does when they break."""

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme
from aetherflow.webhooks import Client, NotFoundError, UnreachableError
from local_api import LocalApi, Reply

KEY = "afk_0123456789abcdef0123456789abcdef"


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with LocalApi() as running:
        yield running


@pytest.fixture
def client(api: LocalApi) -> Iterator[Client]:
    with Client(api.url, KEY) as made:
        yield made


def connections(api: LocalApi) -> int:
    return len({asked.port for asked in api.asked})


def test_requests_share_a_connection_failures_included(api: LocalApi, client: Client) -> None:
    api.replies.extend([Reply(), Reply(404), Reply(204, b""), Reply(body=b'{"a":1}' * 10_000)])
    client.publish("a.b", {})
    with pytest.raises(NotFoundError):
        client.publish("a.b", {})
    for _ in range(3):
        client.request("POST", "/events")
    assert (len(api.asked), connections(api)) == (5, 1)


def test_a_connection_that_the_server_closed_meanwhile_is_replaced_unnoticed(
    api: LocalApi, client: Client
) -> None:
    api.otherwise = Reply(then="close")
    for _ in range(3):
        client.publish("a.b", {})
        assert api.connection_ended.acquire(timeout=5)
    assert (len(api.asked), connections(api)) == (3, 3)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_what_may_be_done_twice_is_sent_again_when_a_kept_connection_breaks(
    api: LocalApi, client: Client, method: str
) -> None:
    api.replies.extend([Reply(), Reply(then="drop")])
    client.request("GET", "/events")
    client.request(method, "/endpoints/ep_1")
    assert [asked.method for asked in api.asked] == ["GET", method, method]


def test_a_post_is_not_sent_again_because_it_may_have_been_carried_out(api: LocalApi, client: Client) -> None:
    api.replies.extend([Reply(), Reply(then="drop")])
    client.publish("a.b", {})
    with pytest.raises(UnreachableError):
        client.publish("a.b", {})
    assert len(api.asked) == 2


def test_a_post_with_an_idempotency_key_is_sent_again(api: LocalApi, client: Client) -> None:
    api.replies.extend([Reply(), Reply(then="drop")])
    client.publish("a.b", {})
    client.publish("a.b", {}, idempotency_key="k")
    assert [asked.headers.get("Idempotency-Key") for asked in api.asked] == [None, "k", "k"]


def test_a_new_connection_that_breaks_is_not_tried_again(api: LocalApi, client: Client) -> None:
    api.otherwise = Reply(then="drop")
    with pytest.raises(UnreachableError):
        client.events.get("evt_1")
    assert len(api.asked) == 1


def test_a_client_can_be_used_after_a_failure_and_after_closing(api: LocalApi, client: Client) -> None:
    api.replies.append(Reply(then="drop"))
    with pytest.raises(UnreachableError):
        client.events.get("evt_1")
    client.events.get("evt_1")
    client.close()
    client.events.get("evt_1")
    assert connections(api) == 3


def test_threads_share_a_client_and_each_gets_its_own_answer(api: LocalApi, client: Client) -> None:
    together = threading.Barrier(4)

    def ask(number: int) -> bool:
        together.wait(timeout=10)
        return client.request("POST", "/events", json={"n": number}).status == 200

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(40)))
    assert sorted(asked.json()["n"] for asked in api.asked) == list(range(40))
    assert connections(api) <= 4


def test_waiting_for_a_test_delivery_is_not_cut_short_by_the_client(api: LocalApi) -> None:
    api.otherwise = Reply(body=b'{"attempt":{}}', after_seconds=0.3)
    with Client(api.url, KEY, timeout=0.05) as client:
        assert client.endpoints.test("ep_1", wait=True) == {"attempt": {}}


def test_the_proxies_of_the_environment_are_not_used(
    api: LocalApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client.events.get("evt_1")
    assert len(api.asked) == 1


def test_tls_is_checked_against_the_given_certificates_and_by_default_the_system_s() -> None:
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with LocalApi(server_context) as api:
        with (
            Client(api.url, KEY) as client,
            pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.events.get("evt_1")
        assert api.asked == []
        with Client(api.url, KEY, ssl_context=trusting) as client:
            client.events.get("evt_1")
            client.events.get("evt_1")
    assert (len(api.asked), connections(api)) == (2, 1)
