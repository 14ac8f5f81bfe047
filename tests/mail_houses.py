"""A mail server that does what a test tells it, on a real socket of the loopback.

async with mail_house(AUTH="535 no\\r\\n") as there:
    ...                         # visit the port there.port
    assert there.heard[-1] == "quit"
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class MailHouse:
    """A mail server that answers by a table; a command that is not in it gets 250."""

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    is_left: bool = False
    tls: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.is_left = True
            writer.close()
            with contextlib.suppress(Exception):
                await writer.wait_closed()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.answers.get("greeting", "220 here\r\n").encode())
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.heard.append(line)
            word = line.partition(" ")[0].upper()
            default = "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n" if word == "EHLO" else "250 fine\r\n"
            if word == "AUTH":
                default = "235 welcome\r\n"
            if word == "STARTTLS":
                writer.write(b"220 go on\r\n")
                await writer.start_tls(self.tls or ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
                continue
            writer.write(self.answers.get(word, "354 go on\r\n" if word == "DATA" else default).encode())
            if word == "DATA" and word not in self.answers:
                self.heard.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 taken\r\n")
            if word == "QUIT":
                return


@contextlib.asynccontextmanager
async def mail_house(
    *, implicit: bool = False, tls: ssl.SSLContext | None = None, **answers: str
) -> AsyncIterator[MailHouse]:
    house = MailHouse(answers=answers, tls=tls)
    server = await asyncio.start_server(house.serve, "127.0.0.1", 0, ssl=tls if implicit else None)
    house.port = server.sockets[0].getsockname()[1]
    try:
        yield house
    finally:
        server.close()
        await server.wait_closed()
