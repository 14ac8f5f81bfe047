"""One attempt: compose the request, sign it, send it, and say what follows."""

from collections.abc import Callable
from datetime import datetime

from app.rules.lifecycle import DeliveryStatus, Outcome, ResultClass, judge
from app.rules.retry import next_due, parse_retry_after
from app.signatures import sign
from app.store.hot.contract import Settlement, Work
from delivery.dialing import NOT_ALLOWED
from delivery.endpoints import ReadyEndpoint
from delivery.transport import Answer, Transport

# The header lines that differ from attempt to attempt, and the empty line.
TAIL = (
    b"%bX-AetherFlow-Event: %b\r\nX-AetherFlow-Delivery: %b\r\nX-AetherFlow-Attempt: %d\r\n"
    b"%b%bcontent-length: %d\r\n\r\n"
)


class Sender:
    """Makes attempts. Holds no state between them but the transport's connections."""

    def __init__(
        self, transport: Transport, *, clock: Callable[[], datetime], fraction: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._fraction = fraction

    async def attempt(self, work: Work, endpoint: ReadyEndpoint) -> tuple[Settlement, Outcome]:
        """Send a delivery once; returns how to settle it and what it means for delivery and endpoint."""
        started_at = self._clock()
        tail = self._compose_tail(work, endpoint, timestamp=int(started_at.timestamp()))
        if endpoint.target is None:
            answer = Answer(result=ResultClass.BLOCKED, error=NOT_ALLOWED, duration_ms=0.0)
        else:
            answer = await self._transport.send(
                endpoint.target, endpoint.head + tail, work.body, timeout_seconds=endpoint.timeout_seconds
            )
        outcome = judge(answer.result, status_code=answer.status_code, abort=answer.abort)
        now = self._clock()
        status, reason, due_at = self._decide(work, endpoint, answer, outcome=outcome, now=now)
        finished = status is not DeliveryStatus.PENDING
        settlement = Settlement(
            workspace_id=work.workspace_id,
            delivery_id=work.delivery_id,
            token=work.token,
            number=work.number,
            status=status,
            reason=reason,
            due_at=due_at,
            finished_at=now if finished else None,
            started_at=started_at,
            result=answer.result,
            error=answer.error,
            status_code=answer.status_code,
            connect_ms=answer.connect_ms,
            tls_ms=answer.tls_ms,
            first_byte_ms=answer.first_byte_ms,
            duration_ms=answer.duration_ms,
            peer=answer.peer,
            key_id=endpoint.key_id,
            request_headers=endpoint.recorded_head + tail,
            response_headers=answer.response_headers,
            response_body=answer.response_body,
            response_truncated=answer.response_truncated,
        )
        return settlement, outcome

    def _compose_tail(self, work: Work, endpoint: ReadyEndpoint, *, timestamp: int) -> bytes:
        signed = sign(
            endpoint.keys, endpoint.schemes, event_id=work.event_id, timestamp=timestamp, body=work.body
        )
        return TAIL % (
            signed,
            work.event_type.encode(),
            work.delivery_id.encode(),
            work.number,
            b"X-AetherFlow-Test: true\r\n" if work.test else b"",
            b"X-AetherFlow-Hops: %d\r\n" % work.hops if work.hops else b"",
            len(work.body),
        )

    def _decide(
        self, work: Work, endpoint: ReadyEndpoint, answer: Answer, *, outcome: Outcome, now: datetime
    ) -> tuple[DeliveryStatus, str | None, datetime]:
        """Return what becomes of the delivery, why, and when it is due again."""
        if outcome is Outcome.SUCCEEDED:
            return DeliveryStatus.SUCCEEDED, None, now
        if outcome is not Outcome.RETRY:
            return DeliveryStatus.FAILED, "gone" if outcome is Outcome.FAILED_AND_GONE else "aborted", now
        if work.single_try:
            return DeliveryStatus.FAILED, "single_attempt", now
        asked = None if answer.retry_after is None else parse_retry_after(answer.retry_after, now=now)
        honoured = answer.result is ResultClass.TOO_MANY_REQUESTS or answer.status_code == 503
        due_at = next_due(
            endpoint.retry,
            failed_attempts=work.number,
            now=now,
            jitter=self._fraction(),
            retry_after_seconds=asked if honoured else None,
        )
        if due_at is None:
            return DeliveryStatus.FAILED, "retries_exhausted", now
        return DeliveryStatus.PENDING, None, due_at
