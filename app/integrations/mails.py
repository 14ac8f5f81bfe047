"""Mails of handlers through an integration of the kind smtp."""

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from app.integrations.calls import CallFailed, Opened, Sleep, give_up
from app.integrations.checks import Look, as_sentence
from app.outside import Mail, MailAnswer
from app.rules.emails import read_email
from app.rules.integrations.findings import CREDENTIALS_REFUSED, Refused
from app.rules.integrations.retries import may_help, pause_seconds
from app.rules.integrations.services import MailServer
from app.rules.lifecycle import ResultClass
from app.wiring import Wiring

MOST_RECIPIENTS = 100

# As much as a handler may answer with.
MOST_CHARACTERS = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WantedMail:
    """A mail as a handler wants it; one of `text` and `html` at least."""

    to: tuple[str, ...]
    subject: str
    text: str | None
    html: str | None
    sender: str | None
    timeout_seconds: float


def compose(opened: Opened, wanted: WantedMail, *, wiring: Wiring) -> Mail:
    """Return the mail as it goes out.

    Raises:
        ValueError: it is none that may be sent through this integration.
    """
    server = opened.service
    if not isinstance(server, MailServer):
        raise ValueError(f"an integration of the kind {opened.integration.kind} sends no mails")
    if not 1 <= len(wanted.to) <= MOST_RECIPIENTS:
        raise ValueError(f"a mail has 1 to {MOST_RECIPIENTS} recipients")
    if len(wanted.text or "") + len(wanted.html or "") > MOST_CHARACTERS:
        raise ValueError(f"a mail may have {MOST_CHARACTERS} characters")
    sender = wanted.sender or server.username or ""
    for address in (sender, *wanted.to):
        _check_address(address)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, ", ".join(wanted.to), wanted.subject
    message["Date"] = format_datetime(wiring.clock())
    message["Message-ID"] = f"<{wiring.chance.uuid7()}@{sender.rpartition('@')[2]}>"
    if wanted.text is not None:
        message.set_content(wanted.text)
        if wanted.html is not None:
            message.add_alternative(wanted.html, subtype="html")
    elif wanted.html is not None:
        message.set_content(wanted.html, subtype="html")
    else:
        raise ValueError("a mail needs a text or html")
    return Mail(sender, wanted.to, message.as_bytes(policy=SMTP))


async def send_mail(
    opened: Opened, mail: Mail, *, timeout_seconds: float, wiring: Wiring, sleep: Sleep = asyncio.sleep
) -> MailAnswer | CallFailed:
    """Leave a mail at its server. What may have been taken there is not sent again."""
    server = opened.service
    if not isinstance(server, MailServer):
        raise TypeError("no mail server")
    began_at, retries = wiring.clock(), 0
    while True:
        answer = await wiring.outside.visit(server, mail, timeout_seconds=timeout_seconds)
        if answer.code is None:
            return answer
        pause = None
        if _may_pass(answer):
            fraction = wiring.chance.take_fraction()
            pause = pause_seconds(retries, retry_after=None, now=wiring.clock(), fraction=fraction)
        if pause is None:
            break
        await sleep(pause)
        retries += 1
    message = as_sentence(answer.error)
    if answer.code == CREDENTIALS_REFUSED:
        await give_up(Look(opened.integration, began_at, Refused(message)), wiring=wiring)
    return CallFailed(answer.code, message, retries)


def _check_address(address: str) -> None:
    try:
        read_email(address)
    except ValueError:
        raise ValueError(f"{address!r} is no e-mail address that a mail can go to or come from") from None


def _may_pass(answer: MailAnswer) -> bool:
    """Whether another visit may do better: nothing was left there, and the server is away or puts us off."""
    if answer.was_sent or answer.code is None:
        return False
    # RFC 5321 section 4.2.1: a 4 at the beginning says that it is worth trying again.
    if answer.code.startswith("SMTP_4"):
        return True
    named = {result.upper(): result for result in ResultClass}.get(answer.code)
    return named is not None and may_help(named, status_code=None, was_sent=False, repeatable=False)
