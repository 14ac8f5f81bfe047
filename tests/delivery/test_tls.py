"""TLS: the certificate must be good for the name, whatever address the connection goes to."""

import asyncio
import datetime
import ssl

import pytest
import trustme

from app.rules.lifecycle import ResultClass
from delivery.dialing import client_tls
from tests.delivery.posting import SHORT_SECONDS, Names, poster
from tests.receivers import Script, Visit, answer, close, hang, message, raw, receiver, reset, turns

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

NAME = "receiver.example"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def names() -> Names:
    return Names({NAME: [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What the transport uses, with the tests' authority among those it trusts."""
    context = client_tls()
    authority.configure_trust(context)
    return context


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def test_a_request_over_tls_is_answered_and_its_connection_reused(
    authority: trustme.CA, names: Names, trusting: ssl.SSLContext
) -> None:
    server = serving(authority.issue_cert(NAME))
    async with receiver(tls=server) as there, poster(resolve=names.resolve, tls=trusting) as here:
        first, second = [await here.post(there.url_at(NAME)) for _ in range(2)]
        assert (first.result, second.result) == (ResultClass.SUCCESS, ResultClass.SUCCESS)
        assert first.tls_ms is not None
        assert first.connect_ms is not None
        assert first.connect_ms + first.tls_ms < first.duration_ms
        assert (second.connect_ms, second.tls_ms) == (None, None)
        assert there.connections == 1


async def test_the_name_is_in_the_handshake_and_http_1_is_agreed_on(
    authority: trustme.CA, names: Names, trusting: ssl.SSLContext
) -> None:
    asked_for: list[str | None] = []
    agreed: list[str | None] = []

    async def look(visit: Visit) -> None:
        agreed.append(visit.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await visit.write(message())

    server = serving(authority.issue_cert(NAME))
    server.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with receiver(look, tls=server) as there, poster(resolve=names.resolve, tls=trusting) as here:
        await here.post(there.url_at(NAME))
    assert (asked_for, agreed) == ([NAME], ["http/1.1"])


async def test_a_certificate_for_another_name_is_refused(
    authority: trustme.CA, names: Names, trusting: ssl.SSLContext
) -> None:
    server = serving(authority.issue_cert("other.example"))
    async with receiver(tls=server) as there, poster(resolve=names.resolve, tls=trusting) as here:
        got = await here.post(there.url_at(NAME))
        assert got.result is ResultClass.TLS
        assert got.error is not None
        assert "certificate is not valid for 'receiver.example'" in got.error
        assert there.requests == []


async def test_an_address_in_the_url_needs_a_certificate_for_the_address(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    for identity, result in (("127.0.0.1", ResultClass.SUCCESS), (NAME, ResultClass.TLS)):
        async with (
            receiver(tls=serving(authority.issue_cert(identity))) as there,
            poster(tls=trusting) as here,
        ):
            assert (await here.post(there.url)).result is result


async def test_an_expired_certificate_is_refused(
    authority: trustme.CA, names: Names, trusting: ssl.SSLContext
) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    expired = authority.issue_cert(NAME, not_before=past, not_after=past + datetime.timedelta(days=1))
    async with receiver(tls=serving(expired)) as there, poster(resolve=names.resolve, tls=trusting) as here:
        got = await here.post(there.url_at(NAME))
    assert (got.result, got.error) == (
        ResultClass.TLS,
        "the certificate is not valid: certificate has expired",
    )


async def test_a_certificate_of_an_unknown_authority_is_refused(names: Names) -> None:
    server = serving(trustme.CA().issue_cert(NAME))
    async with receiver(tls=server) as there, poster(resolve=names.resolve) as here:
        got = await here.post(there.url_at(NAME))
    assert (got.result, got.error) == (
        ResultClass.TLS,
        "the certificate is not valid: unable to get local issuer certificate",
    )


async def test_a_server_without_tls_is_a_tls_result(names: Names, trusting: ssl.SSLContext) -> None:
    script = raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    async with receiver(script, reads=False) as there, poster(resolve=names.resolve, tls=trusting) as here:
        there.scheme = "https"
        got = await here.post(there.url_at(NAME))
    assert got.result is ResultClass.TLS
    assert got.error is not None
    assert there.requests == []


@pytest.mark.parametrize("script", [close(), reset()], ids=["closed", "reset"])
async def test_a_connection_that_ends_in_the_handshake_is_a_tls_result(
    names: Names, trusting: ssl.SSLContext, script: Script
) -> None:
    async def after_hello(visit: Visit) -> None:
        await visit.reader.read(1)
        await script(visit)

    async with (
        receiver(after_hello, reads=False) as there,
        poster(resolve=names.resolve, tls=trusting) as here,
    ):
        there.scheme = "https"
        got = await here.post(there.url_at(NAME))
    assert got.result is ResultClass.TLS


async def test_a_handshake_that_hangs_is_a_timeout(names: Names, trusting: ssl.SSLContext) -> None:
    async with receiver(hang(), reads=False) as there, poster(resolve=names.resolve, tls=trusting) as here:
        there.scheme = "https"
        got = await here.post(there.url_at(NAME), timeout_seconds=SHORT_SECONDS)
    assert (got.result, got.error) == (ResultClass.TIMEOUT, "no TLS handshake within the time-out")


async def test_a_request_cancelled_in_the_handshake_ends_its_connection(
    names: Names, trusting: ssl.SSLContext
) -> None:
    arrived, hung_up = asyncio.Event(), asyncio.Event()

    async def hold(visit: Visit) -> None:
        await visit.reader.read(1)
        arrived.set()
        while await visit.reader.read(1000):
            pass
        hung_up.set()

    async with receiver(hold, reads=False) as there, poster(resolve=names.resolve, tls=trusting) as here:
        there.scheme = "https"
        sending = asyncio.create_task(here.post(there.url_at(NAME)))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await hung_up.wait()


@pytest.mark.parametrize(
    ("script", "result"),
    [
        (hang(), ResultClass.TIMEOUT),
        (close(), ResultClass.PROTOCOL),
        (reset(), ResultClass.PROTOCOL),
        (answer(503), ResultClass.SERVER_ERROR),
        (close(b"HTTP/1.1 200 OK\r\n\r\nunframed"), ResultClass.SUCCESS),
        (raw(message(200, b"x" * 100_000)), ResultClass.SUCCESS),
    ],
)
async def test_receivers_behave_over_tls_as_without(
    authority: trustme.CA, names: Names, trusting: ssl.SSLContext, script: Script, result: ResultClass
) -> None:
    server = serving(authority.issue_cert(NAME))
    async with (
        receiver(turns(answer(200), script), tls=server) as there,
        poster(resolve=names.resolve, tls=trusting) as here,
    ):
        await here.post(there.url_at(NAME))
        got = await here.post(
            there.url_at(NAME), timeout_seconds=3.0 if result != ResultClass.TIMEOUT else 0.3
        )
        assert (got.result, there.connections) == (result, 1)


async def test_a_large_request_arrives_whole_over_tls(
    authority: trustme.CA, names: Names, trusting: ssl.SSLContext
) -> None:
    body = bytes(range(256)) * 10_000
    server = serving(authority.issue_cert(NAME))
    async with receiver(tls=server) as there, poster(resolve=names.resolve, tls=trusting) as here:
        got = await here.post(there.url_at(NAME), body)
        assert got.result is ResultClass.SUCCESS
        assert there.requests[0].body == body
