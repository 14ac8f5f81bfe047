"""`aetherflow demo`: the whole path once, in one process, of which nothing is left afterwards."""

import asyncio
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from aetherflow.webhooks import ApiError, Client

from app.cli.failures import Failure
from app.cli.output import show_milliseconds
from app.cli.serving import demo_workflow
from app.cli.serving.demo_receiver import DemoReceiver
from app.cli.serving.embedded import running, serve_application
from app.cli.serving.server import (
    local_url,
    make_server,
    serve_until,
    side_by_side,
    stop_event,
    unless_stopped,
)
from app.errors import AetherFlowError
from app.rules.masking import mask
from app.settings import Settings, read_settings
from app.telemetry import configure_logs
from app.wiring import Chance
from app.workspaces.keys import make_key

T = TypeVar("T")

# Many times what a delivery to this machine takes.
ARRIVAL_SECONDS = 15.0


class Steps:
    """Prints what was done, each with how long it took."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    def tell(self, text: str) -> None:
        """Print a step that has just been done."""
        now = time.perf_counter()
        print(f"{(now - self._begun) * 1000:6.0f} ms  {text}", flush=True)
        self._begun = now


async def run_demo() -> None:
    """Go the whole path.

    Raises:
        Failure: a step did not succeed, or somebody stopped it.
    """
    configure_logs(log_format="console", level="error")
    stop = stop_event()
    steps = Steps()
    try:
        with tempfile.TemporaryDirectory(prefix="aetherflow-demo-") as folder:
            await serve_demo(Path(folder), stop, steps)
    except TimeoutError:
        raise Failure(f"the demo failed: nothing arrived within {ARRIVAL_SECONDS:g} s.") from None
    except (AetherFlowError, ApiError, OSError) as error:
        raise Failure(f"the demo failed: {error}.") from error
    steps.tell("Stopped the service and removed its folder")


async def serve_demo(folder: Path, stop: asyncio.Event, steps: Steps) -> None:
    """Start the service and a receiver, and go the path between them.

    Raises:
        Failure: somebody stopped it, or what arrived is not genuine.
    """
    key = make_key(Chance())
    settings = read_demo_settings(folder, key)
    listener, receiver_listener = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    async with running(settings, folder) as parts:
        path = DemoPath(local_url(listener), key, local_url(receiver_listener) + "/", steps)
        servers = side_by_side(
            stop,
            serve_application(parts, listener, stop),
            serve_until(make_server(path.receiver), receiver_listener, stop),
        )
        async with servers:
            if await unless_stopped(stop, path.go()) is None:
                raise Failure("the demo was stopped before its end.")


def read_demo_settings(folder: Path, key: str) -> Settings:
    """Return settings that know only the folder and this machine."""
    return read_settings(
        database_url=f"sqlite:///{folder}/aetherflow.db",
        bootstrap_api_key=key,
        egress_allow="127.0.0.0/8",
        egress_ports="1-65535",
        allow_http=True,
    )


class DemoPath:
    """From a request to a trigger to the delivery log, as its sender and a receiver would go it."""

    def __init__(self, url: str, key: str, receiver_url: str, steps: Steps) -> None:
        self._url = url
        self._key = key
        self._receiver_url = receiver_url
        self._steps = steps
        self._secrets: list[str] = []
        self.receiver = DemoReceiver(self._read_secrets)

    async def go(self) -> bool:
        """Do each step and say so.

        Raises:
            Failure: what arrived is not genuine, or its attempt is not in the log.
            TimeoutError: nothing arrived.
        """
        await self._call(lambda client: client.endpoints.list())
        self._steps.tell("Started the service in a temporary folder")
        made = await self._call(
            lambda client: client.endpoints.create(self._receiver_url, events=list(demo_workflow.EVENTS))
        )
        self._secrets.append(made["secret"])
        self._steps.tell(f"Registered endpoint {made['id']} with the secret {mask(made['secret'])}")
        workflow = await self._call(demo_workflow.deploy)
        self._steps.tell(f"Deployed workflow {workflow['id']} with the trigger {demo_workflow.TRIGGER}")
        called = await asyncio.to_thread(demo_workflow.call, self._url, workflow["slug"])
        self._steps.tell(f"Triggered session {called.session_id}: answered {called.status} {called.text}")
        async with asyncio.timeout(ARRIVAL_SECONDS):
            for event_type in demo_workflow.EVENTS:
                receipt = await self.receiver.wait_for(called.is_told_by(event_type))
                if receipt.refused is not None:
                    raise Failure(f"the demo failed: the receiver refused the delivery, {receipt.refused}.")
                self._steps.tell(f"Received {event_type} and verified its signature")
            delivery = await self._await_end(receipt.delivery_id)
        self._tell_attempt(delivery)
        return True

    async def _await_end(self, delivery_id: str) -> dict[str, Any]:
        """Return the delivery when its attempt has been written down, a moment after the receiver's answer."""
        while True:
            delivery = await self._call(lambda client: client.deliveries.get(delivery_id))
            if delivery["status"] != "pending":
                return delivery
            await asyncio.sleep(0.01)

    def _tell_attempt(self, delivery: dict[str, Any]) -> None:
        attempt = delivery["attempts"][-1]
        took = show_milliseconds(attempt["duration_ms"])
        if delivery["status"] != "succeeded":
            raise Failure(f"the demo failed: the delivery {delivery['status']}, {attempt['result']}.")
        self._steps.tell(
            f"Delivery {delivery['id']} {delivery['status']}: attempt {attempt['number']} was answered "
            f"{attempt['status_code']} after {took}"
        )

    async def _call(self, action: Callable[[Client], T]) -> T:
        def perform() -> T:
            with Client(self._url, self._key) as client:
                return action(client)

        return await asyncio.to_thread(perform)

    async def _read_secrets(self) -> list[str]:
        return self._secrets
