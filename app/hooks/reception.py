"""Requests to triggers, from the first byte to the answer.

1. What can be refused without the body is refused without it: an unknown slug, a body that says it is too large, too
   many requests.
2. A signature is checked on the bytes as they came, before anything is stored.
3. The request and its session are committed, and only then is anything answered.
4. A caller who goes away leaves the session as it is.
"""

import math
import time
from datetime import timedelta

import structlog
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from app.errors import (
    InternalError,
    LoopDetected,
    NotFound,
    RateLimited,
)
from app.hooks.asked import Asked, read_asked
from app.hooks.bodies import read_body
from app.hooks.genuineness import find_fault, require_genuine, shake_hands
from app.hooks.replies import Replies
from app.inbound.addresses import Address, AddressBook
from app.inbound.duplicates import dedupe_key, find_first
from app.inbound.receive import Receiver, judge
from app.rules.hops import HEADER, MOST_HOPS, is_loop, read_hops
from app.rules.ids import make_id
from app.rules.token_buckets import TokenBuckets
from app.runner.announcing import announce_start
from app.runner.performer import Performer, lease_of
from app.store.hot.session_rows import ClaimedSession, NewRequest, NewSession, Receipt
from app.wiring import Wiring

PREFIX = b"/webhooks/"

# To be tried again would be of no use (see `delivery.responses`).
ABORT = {"webhook-delivery": "abort-message"}

# How often a request is judged again because its workflow changed meanwhile, before it is called a bug.
MOST_REPETITIONS = 20

log = structlog.get_logger()


class Reception:
    """The ASGI application behind `/webhooks/`."""

    def __init__(self, wiring: Wiring, performer: Performer) -> None:
        self._wiring = wiring
        self._performer = performer
        self._addresses = AddressBook(wiring)
        self._announcer = performer.stage.announcer
        self._receiver = Receiver(wiring, performer.stage.bells.ring, self._announcer)
        self._replies = Replies(wiring, performer)
        limit = wiring.settings.hook_rate_limit
        self._rates = None if limit is None else TokenBuckets(limit, monotonic=time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            AetherFlowError: what the caller is to be told.
        """
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        slug, _, suffix = raw_path.removeprefix(PREFIX).partition(b"/")
        address = await self._addresses.find(slug.decode("latin-1")) if slug else None
        if address is None:
            raise NotFound("There is nothing at this path.")
        self._count(address)
        headers = Headers(scope=scope)
        hops = read_hops(headers.getlist(HEADER))
        refuse_loop(address, hops)
        body = await read_body(headers, receive, limit=self._limit(address))
        asked = read_asked(scope, headers, suffix=suffix.decode("latin-1"), body=body, hops=hops)
        now = self._wiring.clock()
        if await shake_hands(address, asked, send, now=now):
            return
        if find_fault(address, asked, now=now) is not None:
            # The secret may have been set since the address was read.
            address = await self._read_again(address)
            if await shake_hands(address, asked, send, now=now):
                return
            require_genuine(address, asked, now=now)
        request, session, address = await self._store(address, asked)
        await self._replies.reply(address, asked, request, session, receive=receive, send=send)

    def _count(self, address: Address) -> None:
        """Count a request to a trigger.

        Raises:
            RateLimited: it has had enough of them for now.
        """
        if self._rates is None:
            return
        _, wait_seconds = self._rates.take(address.slug)
        if wait_seconds is not None:
            raise RateLimited(
                f"This trigger takes {self._rates.limit} requests a second.",
                headers={"Retry-After": str(math.ceil(wait_seconds))},
            )

    def _limit(self, address: Address) -> int:
        most = self._wiring.settings.hook_max_bytes
        return min(address.spec.max_body or most, most)

    async def _read_again(self, address: Address) -> Address:
        """Return the address as it is now.

        Raises:
            NotFound: nothing takes requests there any more.
            Unavailable: the database is away.
        """
        found = await self._addresses.find(address.slug, unlike=address.workflow_version)
        if found is None:
            raise NotFound("There is nothing at this path.")
        return found

    async def _store(self, address: Address, asked: Asked) -> tuple[NewRequest, NewSession | None, Address]:
        """Commit the request, and the session if it starts one.

        Raises:
            NotFound: the workflow has been disabled meanwhile.
            BadSignature: it is not genuine by what has been deployed or set meanwhile.
            Unavailable: the database is away.
        """
        for _ in range(MOST_REPETITIONS):
            asked.dedupe_key = dedupe_key(address.spec.dedupe_header, asked.headers)
            if asked.dedupe_key is not None:
                first = await find_first(self._wiring, address, asked.dedupe_key)
                if first is not None:
                    asked.is_duplicate = True
                    return first.request, first.session, address
            receipt = self._judge(address, asked)
            if await self._receiver.receive(receipt):
                self._begin(address, receipt)
                return receipt.request, receipt.session, address
            # Another version of the workflow, or a first request of the same key, has come in between.
            address = await self._read_again(address)
            # That version may ask for a signature, or for one by another secret.
            require_genuine(address, asked, now=self._wiring.clock())
        raise InternalError("The workflow changed faster than a request could be judged.")

    def _judge(self, address: Address, asked: Asked) -> Receipt:
        """Return what is to be written of a request."""
        now, chance = self._wiring.clock(), self._wiring.chance
        request = NewRequest(
            id=make_id("req", chance.uuid7()),
            workspace_id=address.workspace_id,
            workflow_id=address.workflow_id,
            trigger_id=address.trigger_id,
            method=asked.method,
            raw_url=asked.raw_url,
            suffix=asked.suffix if not asked.by_suffix(address) else "",
            headers=asked.pairs,
            body=asked.body,
            received_at=now,
            peer=asked.peer,
            reason=None,
            session_id=None,
            dedupe_key=asked.dedupe_key,
        )
        request.reason = judge(address, request)
        if request.reason is not None or address.spec.call is None:
            return Receipt(request, None, address.workflow_version)
        is_sync = asked.is_sync(address)
        session = NewSession(
            id=make_id("ses", chance.uuid7()),
            workspace_id=address.workspace_id,
            workflow_id=address.workflow_id,
            deployment_id=address.deployment_id,
            trigger_id=address.trigger_id,
            request_id=request.id,
            call=address.spec.call,
            is_durable=address.spec.is_durable,
            is_sync=is_sync,
            created_at=now,
            hops=asked.hops,
        )
        if is_sync:
            session.lease_token = chance.token()
            least = timedelta(seconds=self._wiring.settings.lease_seconds)
            session.leased_until = now + lease_of(session, least=least)
        request.session_id = session.id
        receipt = Receipt(request, session, address.workflow_version)
        if is_sync:
            receipt.event = announce_start(as_claimed(address, request, session), self._announcer)
        return receipt

    def _begin(self, address: Address, receipt: Receipt) -> None:
        """Perform a session that a caller waits for."""
        session = receipt.session
        if session is None or session.lease_token is None:
            return
        self._performer.perform_now(as_claimed(address, receipt.request, session))


def refuse_loop(address: Address, hops: int) -> None:
    """Keep a workflow's events from starting it, or each other, without end.

    Raises:
        LoopDetected: the request is a delivery that too many sessions led to.
    """
    if is_loop(hops):
        log.warning("loop_refused", trigger=address.trigger_id, hops=hops)
        raise LoopDetected(
            f"This delivery has {MOST_HOPS} sessions of this service behind it, each of which published an event that "
            "started the next one. Have the endpoint filter what its own workflow publishes.",
            headers=ABORT,
        )


def as_claimed(address: Address, request: NewRequest, session: NewSession) -> ClaimedSession:
    """Return a session that was born under a lease as if it had been claimed."""
    return ClaimedSession(
        id=session.id,
        workspace_id=session.workspace_id,
        workflow_id=session.workflow_id,
        deployment_id=session.deployment_id,
        trigger_id=session.trigger_id,
        request_id=request.id,
        parent_id=None,
        hops=session.hops,
        call=session.call,
        input=None,
        is_durable=session.is_durable,
        is_sync=session.is_sync,
        attempt=1,
        deaths=0,
        active_seconds=0,
        wakes=0,
        wait=None,
        stop_reason=None,
        stop_forced=False,
        is_stopping=False,
        log_length=0,
        created_at=session.created_at,
        started_at=session.created_at,
        custom_data=None,
        workflow_name=address.workflow_name,
        trigger_name=address.spec.name,
        workflow_version=address.workflow_version,
        token=session.lease_token or 0,
        request=request,
    )
