"""Mails of handlers: how they are put together, and when a server is visited once more."""

from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from app.integrations.calls import CallFailed, Opened
from app.integrations.mails import WantedMail, compose, send_mail
from app.outside import Mail, MailAnswer
from app.queue import LocalQueue
from app.rules.integrations.services import HttpService, MailServer, Service
from app.store.models import Integration
from app.wiring import Wiring
from tests.databases import sqlite_url
from tests.mail_houses import mail_house
from tests.outbound.sites import new_wiring

ACCOUNT = MailServer("127.0.0.1", 587, "none", "ada@example.com", "pwd")


@pytest.fixture
async def wiring(tmp_path: Path) -> AsyncIterator[Wiring]:
    wiring = new_wiring(sqlite_url(tmp_path), LocalQueue())
    yield wiring
    await wiring.outside.close()


def opened(service: Service = ACCOUNT) -> Opened:
    return Opened(Integration(kind="smtp"), service, ())


def wanted(**members: Any) -> WantedMail:
    given: dict[str, Any] = {
        "to": ("bob@example.com",),
        "subject": "hello",
        "text": "Hello.",
        "html": None,
        "sender": None,
        "timeout_seconds": 10.0,
    }
    return WantedMail(**(given | members))


def parse(mail: Mail) -> EmailMessage:
    return message_from_bytes(mail.content, policy=policy.SMTP)


async def test_a_mail_says_what_it_was_given(wiring: Wiring) -> None:
    mail = compose(opened(), wanted(to=("a@b.example", "c@d.example"), subject="Grüße"), wiring=wiring)
    parsed = parse(mail)
    assert (mail.sender, mail.recipients) == ("ada@example.com", ("a@b.example", "c@d.example"))
    assert (parsed["From"], parsed["To"], parsed["Subject"]) == (
        "ada@example.com",
        "a@b.example, c@d.example",
        "Grüße",
    )
    assert parsed["Message-ID"].endswith("@example.com>")
    assert parsed["Date"]
    assert parsed.get_content().strip() == "Hello."
    # RFC 5321 section 2.3.8: lines end in CR LF, and nowhere else does either stand.
    assert b"\n" not in mail.content.replace(b"\r\n", b"")


async def test_text_and_html_are_alternatives(wiring: Wiring) -> None:
    parsed = parse(compose(opened(), wanted(html="<p>Hello"), wiring=wiring))
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    alone = parse(compose(opened(), wanted(text=None, html="<p>Hello"), wiring=wiring))
    assert alone.get_content_type() == "text/html"


@pytest.mark.parametrize(
    "members",
    [
        {"to": ()},
        {"to": ("a@b.example",) * 101},
        {"to": ("a@b.example\nBcc: c@d.example",)},
        {"to": ("a@b.example, c@d.example",)},
        {"to": ("Ada <a@b.example>",)},
        {"subject": "hello\r\nBcc: c@d.example"},
        {"sender": "nobody"},
        {"text": None},
        {"text": "x" * (6 * 1024 * 1024 + 1)},
    ],
)
async def test_what_makes_no_mail_of_one_s_own_is_refused(wiring: Wiring, members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        compose(opened(), wanted(**members), wiring=wiring)


async def test_a_sender_is_needed_where_there_is_no_account(wiring: Wiring) -> None:
    nameless = opened(MailServer("127.0.0.1", 25, "none"))
    with pytest.raises(ValueError, match="no e-mail address"):
        compose(nameless, wanted(), wiring=wiring)
    assert compose(nameless, wanted(sender="ada@example.com"), wiring=wiring).sender == "ada@example.com"


async def test_other_services_send_no_mails(wiring: Wiring) -> None:
    with pytest.raises(ValueError, match="sends no mails"):
        compose(opened(HttpService("https://a.example")), wanted(), wiring=wiring)


@pytest.mark.parametrize(
    ("answers", "code", "retries"),
    [
        ({"greeting": "421 later\r\n"}, "SMTP_421", 3),
        ({"greeting": "554 never\r\n"}, "SMTP_554", 0),
        ({"DATA": "451 later\r\n"}, "SMTP_451", 0),
    ],
)
async def test_a_server_that_puts_us_off_is_visited_again(
    wiring: Wiring, answers: dict[str, str], code: str, retries: int
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with mail_house(**answers) as house:
        there = opened(MailServer("127.0.0.1", house.port, "none", "ada@example.com", "pwd"))
        mail = compose(there, wanted(), wiring=wiring)
        got = await send_mail(there, mail, timeout_seconds=10, wiring=wiring, sleep=sleep)
    assert isinstance(got, CallFailed)
    assert (got.error_code, got.retry_count, len(pauses)) == (code, retries, retries)


async def test_a_mail_that_was_put_off_arrives_later(wiring: Wiring) -> None:
    async with mail_house(greeting="421 later\r\n") as house:

        async def sleep(seconds: float) -> None:
            house.answers.clear()

        there = opened(MailServer("127.0.0.1", house.port, "none", "ada@example.com", "pwd"))
        mail = compose(there, wanted(), wiring=wiring)
        got = await send_mail(there, mail, timeout_seconds=10, wiring=wiring, sleep=sleep)
    assert got == MailAnswer(was_sent=True)
    assert any("Hello." in line for line in house.heard)
