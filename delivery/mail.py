"""Visits to mail servers: SMTP over a connection to an address that the egress guard has vetted.

The standard library's client blocks, so each visit has a thread, and some seconds that are all it gets: when they are
over its socket is shut down, which ends whatever the thread waits for.
"""

import asyncio
import contextlib
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from app.errors import BlockedDestination, InvalidUrl
from app.outside import Mail, MailAnswer
from app.resolver import NoWay, Resolve, resolve_and_vet
from app.rules.addresses import EgressPolicy, parse_mail_server
from app.rules.integrations.findings import CREDENTIALS_REFUSED
from app.rules.integrations.services import MailServer
from app.rules.networks import Address
from delivery.dialing import NOT_ALLOWED

# Visits at a time; more wait for their turn, within their own time.
_THREADS = 8

# What the client calls itself in its greeting. Our own host's name is nobody's business, and often no name that
# servers like; RFC 5321 section 4.1.3 allows an address.
_OWN_NAME = "[127.0.0.1]"

# RFC 4954 section 6: wrong credentials, credentials that are not enough, and a mechanism that is too weak.
_REFUSING = frozenset({530, 534, 535, 538})

# RFC 5321 section 4.2.3: the server is ready.
_GREETING = 220

_NO_SMTP = "the server does not speak SMTP as it should"
_TIMED_OUT = MailAnswer("TIMEOUT", "the server did not answer within the time-out")


class MailRoom:
    """Visits mail servers for one process."""

    def __init__(self, policy: EgressPolicy, resolve: Resolve, *, tls: ssl.SSLContext | None = None) -> None:
        self._policy = policy
        self._resolve = resolve
        self._tls = tls
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mail")

    async def visit(self, server: MailServer, mail: Mail | None, *, timeout_seconds: float) -> MailAnswer:
        """Log in to a server, and leave a mail there if one is given."""
        try:
            target = parse_mail_server(
                server.host, server.port, self._policy, is_encrypted=server.encryption != "none"
            )
        except (InvalidUrl, BlockedDestination):
            return MailAnswer("BLOCKED", NOT_ALLOWED)
        server = replace(server, host=target.host)
        visit = Visit(server, mail, timeout_seconds=timeout_seconds, tls=self._tls)
        try:
            async with asyncio.timeout(timeout_seconds):
                found = await resolve_and_vet(target, self._policy, self._resolve, deadline_seconds=None)
                if found is NoWay.DENIED:
                    return MailAnswer("BLOCKED", NOT_ALLOWED)
                if found is NoWay.UNRESOLVED:
                    return MailAnswer("DNS", "the name does not resolve")
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, visit.pay, found[0])
        except TimeoutError:
            return MailAnswer(_TIMED_OUT.code, _TIMED_OUT.error, was_sent=visit.was_sent)
        finally:
            visit.cut()

    def close(self) -> None:
        """Begin no further visits."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Visit:
    """One conversation with one server, in a thread; `cut` may be called from another."""

    def __init__(
        self, server: MailServer, mail: Mail | None, *, timeout_seconds: float, tls: ssl.SSLContext | None
    ) -> None:
        self._server = server
        self._mail = mail
        self._timeout_seconds = timeout_seconds
        self._tls = tls
        self._socket: socket.socket | None = None
        self._is_cut = False
        self._refused: tuple[str, ...] = ()
        self.was_sent = False

    def pay(self, address: Address) -> MailAnswer:
        """Go there, and return what came of it."""
        try:
            with contextlib.ExitStack() as stack:
                self._converse(address, stack)
        except smtplib.SMTPResponseException as error:
            return self._judge(error)
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            return MailAnswer(f"SMTP_{codes[0]}", "the server refuses every recipient", was_sent=True)
        except smtplib.SMTPNotSupportedError:
            return MailAnswer(
                "PROTOCOL", "the server does not offer what is needed: STARTTLS, or a way to log in"
            )
        except TimeoutError:
            return MailAnswer(_TIMED_OUT.code, _TIMED_OUT.error, was_sent=self.was_sent)
        except ssl.SSLCertVerificationError as error:
            return MailAnswer("TLS", f"the certificate is not valid: {error.verify_message}")
        except ssl.SSLError:
            return MailAnswer("TLS", "the TLS handshake failed")
        except smtplib.SMTPException:
            return MailAnswer("PROTOCOL", _NO_SMTP, was_sent=self.was_sent)
        except OSError:
            return MailAnswer("CONNECT", "the connection could not be made, or broke", was_sent=self.was_sent)
        return MailAnswer(was_sent=self.was_sent, refused=self._refused)

    def _judge(self, error: smtplib.SMTPResponseException) -> MailAnswer:
        code = error.smtp_code
        if code in _REFUSING:
            return MailAnswer(CREDENTIALS_REFUSED, f"the server refuses the credentials with {code}")
        if code < 0:
            return MailAnswer("PROTOCOL", _NO_SMTP, was_sent=self.was_sent)
        return MailAnswer(f"SMTP_{code}", f"the server answers {code}", was_sent=self.was_sent)

    def cut(self) -> None:
        """End the conversation, wherever it is."""
        self._is_cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _converse(self, address: Address, stack: contextlib.ExitStack) -> None:
        tls = self._tls or ssl.create_default_context()
        client = _Client(self._connect(address, stack), self._server, tls)
        stack.callback(client.close)
        code, said = client.connect(self._server.host, self._server.port)
        if code != _GREETING:
            raise smtplib.SMTPConnectError(code, said)
        client.ehlo_or_helo_if_needed()
        if self._server.encryption == "starttls":
            client.starttls(context=tls)
            client.ehlo()
        if self._server.username is not None:
            client.login(self._server.username, self._server.password)
        if self._mail is not None:
            self.was_sent = True
            mail = self._mail
            self._refused = tuple(client.sendmail(mail.sender, list(mail.recipients), mail.content))
        with contextlib.suppress(smtplib.SMTPException, OSError):
            # What was to be done is done, however the server takes leave.
            client.quit()

    def _connect(self, address: Address, stack: contextlib.ExitStack) -> socket.socket:
        connected = socket.create_connection((str(address), self._server.port), self._timeout_seconds)
        stack.callback(connected.close)
        # A second handle on the connection: the first one changes hands when TLS begins.
        self._socket = stack.enter_context(connected.dup())
        if self._is_cut:
            raise TimeoutError
        return connected


class _Client(smtplib.SMTP):
    """The standard library's client on a connection that is open; the server's name is for its certificate only."""

    def __init__(self, connected: socket.socket, server: MailServer, tls: ssl.SSLContext) -> None:
        self._connected = connected
        self._server = server
        self._tls = tls
        super().__init__(local_hostname=_OWN_NAME)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # What `starttls` checks the certificate for.
        self._host = self._server.host
        if self._server.encryption == "implicit":
            return self._tls.wrap_socket(self._connected, server_hostname=self._server.host)
        return self._connected
