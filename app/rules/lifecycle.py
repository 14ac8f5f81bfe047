"""The states of a delivery, the kinds of result an attempt can have, and what one result leads to."""

from enum import StrEnum

_GONE = 410  # RFC 9110 section 15.5.11: the resource is away for good, and its owner wants no more requests
_TOO_MANY_REQUESTS = 429  # RFC 6585 section 4


class DeliveryStatus(StrEnum):
    """PENDING is the only state with work left; the others last until a person asks for more."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ResultClass(StrEnum):
    """How an attempt ended, in the words that statistics and the API use."""

    SUCCESS = "2xx"
    REDIRECT = "3xx"
    CLIENT_ERROR = "4xx"
    TOO_MANY_REQUESTS = "429"
    SERVER_ERROR = "5xx"
    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    BLOCKED = "blocked"  # the egress guard refused the destination
    PROTOCOL = "protocol"  # what came back is no HTTP answer


class Outcome(StrEnum):
    """What follows for the delivery, and for its endpoint."""

    SUCCEEDED = "succeeded"
    RETRY = "retry"
    FAILED = "failed"
    FAILED_AND_GONE = "failed_and_gone"


_CLASS_BY_HUNDRED = {
    2: ResultClass.SUCCESS,
    3: ResultClass.REDIRECT,
    4: ResultClass.CLIENT_ERROR,
    5: ResultClass.SERVER_ERROR,
}


def classify_status(status_code: int) -> ResultClass:
    """The class of a final status; 1xx and anything above 599 cannot end an exchange, so: PROTOCOL."""
    if status_code == _TOO_MANY_REQUESTS:
        return ResultClass.TOO_MANY_REQUESTS
    return _CLASS_BY_HUNDRED.get(status_code // 100, ResultClass.PROTOCOL)


def judge(result: ResultClass, *, status_code: int | None, abort: bool) -> Outcome:
    """What an attempt with this result means.

    `status_code` is None when no complete answer came. `abort` is true when the answer carried
    `webhook-delivery: abort-message`. RETRY means that nothing speaks against another attempt:
    whether the policy has one left is what `app.rules.retry.next_due` says.
    """
    if result is ResultClass.SUCCESS:
        return Outcome.SUCCEEDED
    if status_code == _GONE:
        return Outcome.FAILED_AND_GONE
    if abort:
        return Outcome.FAILED
    return Outcome.RETRY
