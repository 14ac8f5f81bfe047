"""What `aetherflow dev` proves before it is ready: that a workflow runs, and that the world hears of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aetherflow.webhooks import Client

from app.cli.failures import Failure
from app.cli.serving import demo_workflow
from app.cli.serving.demo_receiver import DemoReceiver, Receipt
from app.cli.serving.front_page import DEMO_TYPES

# By this the demo endpoint is found again at the next start.
MARK = {"made_by": "aetherflow dev"}

# Many times what a delivery to this machine takes; who waits longer should see an error instead.
ARRIVAL_SECONDS = 15.0

# Does something with the API, as any other program would.
CallApi = Callable[[Callable[[Client], Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Proof:
    """One delivery that arrived and was verified, `ms` after what it tells of was asked for."""

    ms: int


async def prove(call_api: CallApi, endpoint: dict[str, Any], *, url: str, receiver: DemoReceiver) -> Proof:
    """Run the demo workflow and have its events verified by the receiver; what somebody disabled stays so.

    Raises:
        Failure: the workflow did not answer, or what it should tell did not arrive or is not genuine.
    """
    workflow = await call_api(demo_workflow.deploy)
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(ARRIVAL_SECONDS):
            if workflow["enabled"] and endpoint["enabled"]:
                called = await asyncio.to_thread(demo_workflow.call, url, workflow["slug"])
                for event_type in demo_workflow.EVENTS:
                    require_genuine(await receiver.wait_for(called.is_told_by(event_type)))
            else:
                # A test goes to a disabled endpoint too.
                sent = await call_api(lambda client: client.endpoints.test(endpoint["id"]))
                require_genuine(await receiver.wait_for(lambda receipt: receipt.event_id == sent["event_id"]))
    except TimeoutError:
        raise Failure(
            f"the first delivery did not arrive within {ARRIVAL_SECONDS:g} s: see `aetherflow deliveries list` "
            "and `aetherflow sessions list`."
        ) from None
    return Proof(round((time.perf_counter() - begun) * 1000))


def require_genuine(receipt: Receipt) -> None:
    """Make sure that the receiver took a delivery for genuine.

    Raises:
        Failure: it did not.
    """
    if receipt.refused is not None:
        raise Failure(
            f"the first delivery is not genuine: {receipt.refused}. See `aetherflow verify --delivery "
            f"{receipt.delivery_id}`."
        )


def ensure_endpoint(client: Client, url: str) -> dict[str, Any]:
    """Return the demo endpoint, registered now or at an earlier start, at the receiver's address."""
    for endpoint in client.endpoints.list(limit=100).rows():
        if endpoint["metadata"] == MARK:
            if endpoint["url"] != url:
                client.endpoints.update(endpoint["id"], url=url)
            return dict(endpoint)
    return dict(
        client.endpoints.create(
            url, events=list(DEMO_TYPES), description="The demo receiver of `aetherflow dev`", metadata=MARK
        )
    )
