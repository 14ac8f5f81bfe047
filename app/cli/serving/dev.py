"""`aetherflow dev`: the service with a receiver and a workflow of its own, which prove that all of it works.

What it keeps in the data folder besides the database: the API key, and while it runs its address, so that the
commands beside it find both.
"""

import asyncio
import shlex
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aetherflow.webhooks import Client
from pydantic import SecretStr

from app.cli.connection import ADDRESS_FILE, KEY_FILE, connect
from app.cli.output import print_json_line
from app.cli.serving.demo_receiver import DemoReceiver
from app.cli.serving.embedded import Running, running, serve_application, warn_of_egress
from app.cli.serving.front_page import Place, render_front_page
from app.cli.serving.parts import data_folder, own_folder, write_private
from app.cli.serving.proof import Proof, ensure_endpoint, prove
from app.cli.serving.server import (
    bind,
    local_url,
    make_server,
    serve_until,
    side_by_side,
    stop_event,
    unless_stopped,
)
from app.cli.verification.endpoint_secrets import read_secrets
from app.errors import BlockedDestination, Misconfigured
from app.rules.addresses import EgressPolicy, parse_target
from app.settings import Settings, read_settings
from app.telemetry import configure_logs
from app.wiring import Chance
from app.workspaces.keys import KEY, authenticate, digest_key, make_key

T = TypeVar("T")

# Receivers of a person who tries things out are on this machine, on any port, without a certificate.
OPENED = {"egress_allow": "127.0.0.0/8,::1/128", "egress_ports": "1-65535", "allow_http": True}


async def run_dev(given: dict[str, Any], *, output: str) -> None:
    """Run until a signal comes.

    Raises:
        Misconfigured: a setting does not fit, or another process owns the data folder.
        Failure: the first delivery did not arrive or is not genuine.
    """
    settings = read_dev_settings(given)
    configure_logs(log_format=settings.log_format, level=settings.log_level)
    warn_of_egress(settings)
    stop = stop_event()
    folder = data_folder(settings)
    with own_folder(folder):
        settings = with_key(settings, folder)
        listener = bind(settings, may_move="port" not in settings.model_fields_set)
        # Handlers are told the addresses of their triggers, so they must hear of a port that has moved.
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        receiver_listener = bind_receiver(listener)
        require_reachable(settings, local_url(receiver_listener))
        with note_address(folder, local_url(listener)):
            async with running(settings, folder) as parts:
                stage = Stage(parts, listener, receiver_listener, folder, output)
                await stage.run(stop)


class Stage:
    """The service and the demo receiver side by side."""

    def __init__(
        self,
        parts: Running,
        listener: socket.socket,
        receiver_listener: socket.socket,
        folder: Path,
        output: str,
    ) -> None:
        self._parts = parts
        self._wiring = parts.wiring
        self._listener = listener
        self._receiver_listener = receiver_listener
        self._folder = folder
        self._output = output
        # Deliveries of an earlier run may come before the endpoint has been found again.
        self._endpoint_id: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._receiver = DemoReceiver(self._read_secrets)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until the event is set; say what was proved before that."""
        page = self._render_front_page()
        servers = side_by_side(
            stop,
            serve_application(self._parts, self._listener, stop, front_page=page),
            serve_until(make_server(self._receiver), self._receiver_listener, stop),
        )
        async with servers:
            proof = await unless_stopped(stop, self._prove())
            if proof is not None:
                self._announce(proof)
                await stop.wait()

    async def _prove(self) -> Proof:
        """Go the whole path through the API, as another program would."""
        await self._require_live_key()
        url, receiver_url = local_url(self._listener), local_url(self._receiver_listener) + "/"
        endpoint = await self._call(lambda client: ensure_endpoint(client, receiver_url))
        self._endpoint_id.set_result(endpoint["id"])
        return await prove(self._call, endpoint, url=url, receiver=self._receiver)

    async def _call(self, action: Callable[[Client], T]) -> T:
        """Do something with the API, as any other program would."""

        def perform() -> T:
            with connect(local_url(self._listener), self._key) as client:
                return action(client)

        return await asyncio.to_thread(perform)

    async def _require_live_key(self) -> None:
        """Make sure that the key serves: one that was revoked stays revoked."""
        async with self._wiring.database.read() as tx:
            row = await authenticate(tx, digest_key(self._key), now=self._wiring.clock())
        if row is None:
            raise Misconfigured(
                f"The API key was revoked: remove {self._folder / KEY_FILE}, or set another "
                "AETHERFLOW_BOOTSTRAP_API_KEY."
            )

    def _announce(self, proof: Proof) -> None:
        url = local_url(self._listener)
        if self._output == "json":
            print_json_line({"dashboard": url, "api_key": self._key, "verified_ms": proof.ms, "ready": True})
            return
        print(f"Dashboard: {url}")
        print(f"API key: {self._key}")
        print(f"Verified: one signed delivery in {proof.ms} ms")
        print("Ready", flush=True)

    def _render_front_page(self) -> str:
        path = self._folder / KEY_FILE
        is_kept = path.exists() and path.read_text().strip() == self._key
        place = Place(
            local_url(self._listener),
            runs_as="everything in one process, for trying it out",
            key_command=f'export AETHERFLOW_API_KEY="$(cat {shlex.quote(str(path))})"'
            if is_kept
            else "export AETHERFLOW_API_KEY=afk_...",
            receiver_url=local_url(self._receiver_listener) + "/",
        )
        return render_front_page(place)

    async def _read_secrets(self) -> list[str]:
        async with self._wiring.database.read() as tx:
            return await read_secrets(tx, await self._endpoint_id, wiring=self._wiring)

    @property
    def _key(self) -> str:
        key = self._wiring.settings.bootstrap_api_key
        return key.get_secret_value() if key is not None else ""


def read_dev_settings(given: dict[str, Any]) -> Settings:
    """Return the settings, with deliveries to this machine allowed as far as nobody said otherwise.

    Raises:
        Misconfigured: a setting does not fit.
    """
    said = read_settings(**given).model_fields_set
    return read_settings(**given, **{name: value for name, value in OPENED.items() if name not in said})


def with_key(settings: Settings, folder: Path) -> Settings:
    """Return the settings with a first API key: the given one, else that of the data folder, made at first.

    Raises:
        Misconfigured: the file holds no key.
    """
    if settings.bootstrap_api_key is not None:
        return settings
    path = folder / KEY_FILE
    if not path.exists():
        write_private(path, make_key(Chance()))
    key = path.read_text().strip()
    if KEY.fullmatch(key) is None:
        raise Misconfigured(f"{path} holds no API key; remove it, and `dev` makes a new one.")
    return settings.model_copy(update={"bootstrap_api_key": SecretStr(key)})


def bind_receiver(listener: socket.socket) -> socket.socket:
    """Return a socket for the demo receiver: on the next port, so that its page stays where it was, or on any."""
    port = listener.getsockname()[1] + 1
    for wanted in (*range(port, min(port + 10, 65_536)), 0):
        try:
            return socket.create_server(("127.0.0.1", wanted))
        except OSError as error:
            cause = error.strerror
    raise Misconfigured(f"127.0.0.1: cannot listen there for the demo receiver: {cause}.")


def require_reachable(settings: Settings, url: str) -> None:
    """Make sure that deliveries may go to the demo receiver.

    Raises:
        Misconfigured: given settings forbid it.
    """
    policy = EgressPolicy.of(
        allow=settings.egress_allow,
        ports=settings.egress_ports,
        allow_http=settings.allow_http,
        own_urls=[settings.public_url] if settings.public_url else [],
    )
    try:
        parse_target(url, policy)
    except BlockedDestination:
        raise Misconfigured(
            f"AETHERFLOW_EGRESS_ALLOW, EGRESS_PORTS, ALLOW_HTTP, PUBLIC_URL: `dev` delivers to {url}, and these "
            "settings forbid it; unset them."
        ) from None


@contextmanager
def note_address(folder: Path, url: str) -> Iterator[None]:
    """Leave the service's address for the commands beside it, as long as it runs."""
    path = folder / ADDRESS_FILE
    write_private(path, url)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
