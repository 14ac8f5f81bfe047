"""A receiver to try the service with: verifies what it gets and shows it.

An ordinary receiver would do no more than `Webhook(secret).verify(body, headers)`; the rest of this file is for
showing. It answers 204 to what is genuine and 400 with the reason to what is not.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from aetherflow.webhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.cli.serving.pages import PAGE_HEADERS, render_page

# The last ones are enough to see what happened; the delivery log has them all.
KEPT = 50

# Four times what the service sends at most, unless it was told otherwise.
MOST_BYTES = 1_048_576

# As much of a body as a person looks at.
SHOWN_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """A request as it was received; `refused` is the client's reason, None when it is genuine."""

    at: str
    event_id: str
    event: str
    delivery_id: str
    attempt: str
    refused: str | None
    body: str


class DemoReceiver:
    """An ASGI application. `read_secrets` is asked each time, so a secret may be replaced while it runs."""

    def __init__(self, read_secrets: Callable[[], Awaitable[list[str]]]) -> None:
        self._read_secrets = read_secrets
        self._receipts: deque[Receipt] = deque(maxlen=KEPT)
        self._arrived = asyncio.Condition()

    async def wait_for(self, is_wanted: Callable[[Receipt], bool]) -> Receipt:
        """Return the newest receipt that is wanted, as soon as there is one."""
        async with self._arrived:
            while not (found := list(filter(is_wanted, self._receipts))):
                await self._arrived.wait()
            return found[-1]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        response = await (self._take(request) if request.method == "POST" else self._show(request))
        await response(scope, receive, send)

    async def _take(self, request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return Response(status_code=413)
        refused = await self._judge(bytes(body), request)
        await self._keep(request, bytes(body), refused)
        return Response(status_code=204) if refused is None else Response(refused, status_code=400)

    async def _judge(self, body: bytes, request: Request) -> str | None:
        secrets = await self._read_secrets()
        try:
            Webhook(secrets).verify(body, request.scope["headers"])
        except WebhookVerificationError as refusal:
            return refusal.reason
        return None

    async def _keep(self, request: Request, body: bytes, refused: str | None) -> None:
        headers = request.headers
        receipt = Receipt(
            at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            event_id=headers.get("webhook-id", ""),
            event=headers.get("x-aetherflow-event", ""),
            delivery_id=headers.get("x-aetherflow-delivery", ""),
            attempt=headers.get("x-aetherflow-attempt", ""),
            refused=refused,
            body=body.decode(errors="replace")[:SHOWN_CHARACTERS],
        )
        async with self._arrived:
            self._receipts.append(receipt)
            self._arrived.notify_all()

    async def _show(self, request: Request) -> Response:
        newest_first = list(reversed(self._receipts))
        if request.method not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD, POST"})
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(render_receipts(newest_first), headers=PAGE_HEADERS)
        return JSONResponse({"data": [asdict(receipt) for receipt in newest_first]})


def render_receipts(receipts: list[Receipt]) -> str:
    """Return the page that shows what was received, the newest first. It asks again by itself."""
    rows = "".join(map(render_receipt, receipts))
    content = f"""
<h1>Demo receiver</h1>
<p>What was delivered here, the newest first. Each request is verified as any receiver would do it:
<code>Webhook(secret).verify(body, headers)</code>.</p>
{rows or '<p class="quiet">Nothing yet.</p>'}
"""
    return render_page("Demo receiver", content, refresh_seconds=3)


def render_receipt(receipt: Receipt) -> str:
    """Return one received request as HTML."""
    verdict = "verified" if receipt.refused is None else f"refused: {receipt.refused}"
    mark = "good" if receipt.refused is None else "bad"
    named = [("event", receipt.event_id), ("delivery", receipt.delivery_id), ("attempt", receipt.attempt)]
    facts = [receipt.at, *(f"{name} {value}" for name, value in named if value)]
    return f"""
<article>
<h2>{escape(receipt.event) or "no event"} <span class="{mark}">{escape(verdict)}</span></h2>
<p class="quiet">{" &middot; ".join(map(escape, facts))}</p>
<pre tabindex="0">{escape(indent(receipt.body))}</pre>
</article>
"""


def indent(body: str) -> str:
    """Return JSON as people like to read it, and anything else as it is."""
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return json.dumps(parsed, indent=2, ensure_ascii=False)
