"""Webhooks of payment providers, from the first byte to the answer.

1. A slug that nobody has, a method other than POST and a body that says it is too large are refused without the body.
2. The signature is checked on the bytes as they came, before anything looks into them.
3. The change and the event that tells of it are committed, and only then is anything answered, so that a provider
   sends again what was not kept.
"""

import structlog
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from app.errors import BadSignature, MalformedJson, MethodNotAllowed, NotFound
from app.hooks.bodies import read_body
from app.hooks.sending import respond
from app.providers import SignedRequest, find_provider
from app.rules.json_text import parse_json
from app.wiring import Wiring
from app.workspaces import payments
from app.workspaces.payments import PaymentAddress

PREFIX = "/payments/"

# What Stripe's own libraries grant a signed time.
TOLERANCE_SECONDS = 300

log = structlog.get_logger()


class PaymentReception:
    """The ASGI application behind `/payments/`."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            AetherFlowError: what the caller is to be told.
        """
        address = await self._find(scope["path"].removeprefix(PREFIX))
        if scope["method"] != "POST":
            raise MethodNotAllowed(headers={"Allow": "POST"})
        headers = Headers(scope=scope)
        body = await read_body(headers, receive, limit=self._wiring.settings.hook_max_bytes)
        request = SignedRequest(scope["method"], scope["path"], {}, headers, body)
        self._require_genuine(request, address)
        event = parse_json(body)
        if not isinstance(event, dict):
            raise MalformedJson("The body must be a JSON object.")
        async with self._wiring.database.write() as tx:
            await payments.follow(tx, event, address=address, wiring=self._wiring)
        await respond(send, 200, [(b"content-type", b"application/json")], b'{"received":true}')

    async def _find(self, slug: str) -> PaymentAddress:
        """Return what a slug stands for.

        Raises:
            NotFound: nothing.
        """
        # PostgreSQL would not take U+0000 as a text to look for.
        if "\0" not in slug:
            async with self._wiring.database.read() as tx:
                address = await payments.find_address(tx, slug, wiring=self._wiring)
            if address is not None:
                return address
        raise NotFound("There is nothing at this path.")

    def _require_genuine(self, request: SignedRequest, address: PaymentAddress) -> None:
        """Check the signature of a request.

        Raises:
            BadSignature: it is not the provider's.
        """
        reason = find_provider(address.provider).verify(
            request,
            secrets=[address.secret],
            tolerance_seconds=TOLERANCE_SECONDS,
            now=self._wiring.clock(),
        )
        if reason is not None:
            log.info("payment_not_genuine", workspace=address.workspace_id, reason=reason)
            raise BadSignature
