"""Visits to mail servers: the conversation, the guard, and what each failure is called."""

import base64
import ssl
from dataclasses import replace
from typing import Any

import pytest
import trustme

from app.outside import Mail, MailAnswer
from app.rules.addresses import EgressPolicy
from app.rules.integrations.services import MailServer
from delivery.mail import MailRoom
from tests.delivery.posting import PATIENT_SECONDS, POLICY, SHORT_SECONDS, Names
from tests.eventually import eventually
from tests.mail_houses import MailHouse, mail_house

MAIL = Mail("ada@example.com", ("bob@example.com",), b"Subject: hello\r\n\r\nHello.\r\n")
LOGIN = base64.b64encode(b"\0ada\0pwd").decode()


async def visit(
    server: MailServer,
    mail: Mail | None = None,
    *,
    timeout_seconds: float = PATIENT_SECONDS,
    policy: EgressPolicy = POLICY,
    tls: ssl.SSLContext | None = None,
) -> MailAnswer:
    names = Names(
        {
            "mail.example": [["127.0.0.1"]],
            "inside.example": [["10.0.0.1"]],
            "two.example": [["127.0.0.1", "10.0.0.1"]],
        }
    )
    room = MailRoom(policy, names.resolve, tls=tls)
    try:
        return await room.visit(server, mail, timeout_seconds=timeout_seconds)
    finally:
        room.close()


def at(house: MailHouse, **members: Any) -> MailServer:
    plain = MailServer("127.0.0.1", house.port, "none", username="ada", password="pwd")
    return replace(plain, **members)


async def test_a_visit_logs_in_and_takes_leave() -> None:
    async with mail_house() as house:
        assert await visit(at(house)) == MailAnswer()
    assert [line.partition(" ")[0] for line in house.heard] == ["ehlo", "AUTH", "quit"]
    assert house.heard[1] == f"AUTH PLAIN {LOGIN}"


async def test_a_mail_is_left_there() -> None:
    async with mail_house() as house:
        assert await visit(at(house), MAIL) == MailAnswer(was_sent=True)
    assert "mail FROM:<ada@example.com>" in " ".join(house.heard)
    assert any("Subject: hello\r\n\r\nHello." in line for line in house.heard)


async def test_without_an_account_nobody_logs_in() -> None:
    async with mail_house() as house:
        assert await visit(at(house, username=None)) == MailAnswer()
    assert not any(line.startswith("AUTH") for line in house.heard)


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"AUTH": "535 no\r\n"}, "CREDENTIALS_REFUSED"),
        ({"AUTH": "454 later\r\n"}, "SMTP_454"),
        ({"greeting": "554 nobody is here\r\n"}, "SMTP_554"),
        ({"greeting": "HTTP/1.1 400 Bad Request\r\n"}, "PROTOCOL"),
        ({"EHLO": "250 here\r\n"}, "PROTOCOL"),
    ],
)
async def test_what_goes_wrong_has_a_code(answers: dict[str, str], code: str) -> None:
    async with mail_house(**answers) as house:
        assert (await visit(at(house))).code == code


@pytest.mark.parametrize(
    ("answers", "code", "was_sent"),
    [({"RCPT": "550 who\r\n"}, "SMTP_550", True), ({"DATA": "552 too much\r\n"}, "SMTP_552", True)],
)
async def test_a_mail_that_is_refused_has_a_code(answers: dict[str, str], code: str, was_sent: bool) -> None:
    async with mail_house(**answers) as house:
        got = await visit(at(house), MAIL)
    assert (got.code, got.was_sent) == (code, was_sent)


async def test_a_server_that_says_nothing_is_left_when_the_time_is_over() -> None:
    async with mail_house(greeting="220-still\r\n") as house:
        assert (await visit(at(house), timeout_seconds=SHORT_SECONDS)).code == "TIMEOUT"
        await eventually(lambda: house.is_left, what="the connection is closed")


async def test_no_server_is_no_connection() -> None:
    async with mail_house() as house:
        pass
    assert (await visit(at(house))).code == "CONNECT"


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "inside.example", "two.example"])
async def test_nothing_goes_inside_of_the_network(host: str) -> None:
    got = await visit(MailServer(host, 587, "starttls"))
    assert got == MailAnswer("BLOCKED", "the destination is not allowed")


@pytest.mark.parametrize(("port", "encryption"), [(587, "none"), (22, "starttls"), (8025, "implicit")])
async def test_ports_and_plain_connections_must_be_opened(port: int, encryption: Any) -> None:
    policy = EgressPolicy.of(allow="127.0.0.0/8")
    assert (await visit(MailServer("127.0.0.1", port, encryption), policy=policy)).code == "BLOCKED"


async def test_a_name_that_does_not_resolve_is_said_so() -> None:
    assert (await visit(MailServer("nowhere.example", 587, "starttls"))).code == "DNS"


@pytest.mark.parametrize("implicit", [False, True])
async def test_the_certificate_is_checked_for_the_name(implicit: bool) -> None:
    authority = trustme.CA()
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("mail.example").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with mail_house(implicit=implicit, tls=serving) as house:
        server = at(house, host="mail.example", encryption="implicit" if implicit else "starttls")
        assert await visit(server, tls=trusting) == MailAnswer()
        assert any(line.startswith("AUTH") for line in house.heard)
        house.heard.clear()
        for other in (replace(server, host="127.0.0.1"), server):
            untrusting = trusting if other is not server else None
            assert (await visit(other, tls=untrusting)).code == "TLS"
        assert not any(line.startswith("AUTH") for line in house.heard)


async def test_a_server_without_starttls_gets_no_password() -> None:
    async with mail_house(EHLO="250-here\r\n250 AUTH PLAIN\r\n") as house:
        assert (await visit(at(house, encryption="starttls"))).code == "PROTOCOL"
    assert not any(line.startswith("AUTH") for line in house.heard)
