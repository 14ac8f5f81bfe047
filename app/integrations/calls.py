"""Requests of handlers through an integration: credentials put on here, retries, and what became of it.

1. The credentials never leave this process but to their service: an answer's headers that repeat them are masked, and
   no message of ours holds a path or a header.
2. Each try reads nothing from the database; an integration that is disconnected meanwhile serves the calls that
   have begun.
3. Credentials that a call finds refused are refused for everybody: the integration is disconnected, once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, quote_plus

from app.errors import NotFound, Unavailable
from app.integrations.checks import Look, apply, as_sentence
from app.integrations.credentials import open_credentials, open_service
from app.integrations.integrations import find_by_name
from app.outside import MOST_ANSWER_BYTES, HttpAnswer, HttpCall
from app.rules.addresses import drop_origin
from app.rules.hops import HEADER as HOPS_HEADER
from app.rules.integrations.calls import check_own_headers, check_query, path_below
from app.rules.integrations.findings import Refused, code_of
from app.rules.integrations.retries import is_repeatable, may_help, pause_seconds
from app.rules.integrations.services import HttpService, Pairs, Service
from app.rules.integrations.states import Status
from app.rules.masking import HIDDEN
from app.store.models import Integration
from app.wiring import Wiring

# Members of credentials that are no secret.
PUBLIC = frozenset({"username"})

# Shorter secrets would be found in everything.
SHORTEST_MASKED = 6

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request as a handler wants it, below the base URL and without credentials."""

    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0
    hops: int = 0
    """How many sessions led to it, should it arrive at a trigger of this service."""


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A request that did not come to an answer for the handler."""

    error_code: str
    message: str
    retry_count: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """An integration that is to be used, with its service."""

    integration: Integration
    service: Service
    secrets: tuple[str, ...] = field(repr=False)


async def open_integration(name: str, *, workspace_id: str, wiring: Wiring) -> Opened | CallFailed:
    """Return the workspace's integration of a name, if it is in use; one in error is tried, too."""
    async with wiring.database.read() as tx:
        integration = await find_by_name(tx, workspace_id, name)
    if integration is None:
        return CallFailed("NOT_CONNECTED", "There is no integration of this name in the workspace.")
    if integration.status == Status.DISCONNECTED:
        return CallFailed("NOT_CONNECTED", "The integration is disconnected; connect it first.")
    credentials = open_credentials(wiring.keyring, integration)
    service = open_service(wiring.keyring, integration)
    secrets = [str(value) for name, value in credentials.items() if name not in PUBLIC]
    if isinstance(service, HttpService):
        # A user name and its password go out as one word.
        secrets += [value.rpartition(" ")[2] for _, value in service.headers]
    return Opened(integration, service, tuple(secrets))


def dress(opened: Opened, wanted: Wanted) -> HttpCall:
    """Return a request with the credentials on.

    Raises:
        ValueError: it is none that may be sent through this integration.
    """
    service = opened.service
    if not isinstance(service, HttpService):
        raise ValueError(f"an integration of the kind {opened.integration.kind} takes no HTTP requests")
    check_query(wanted.path, wanted.query, reserved=service.query)
    check_own_headers(wanted.headers, reserved=service.headers)
    return HttpCall(
        service.base_url,
        wanted.method,
        path_below(drop_origin(service.base_url), wanted.path, (*wanted.query, *service.query)),
        headers=(*wanted.headers, (HOPS_HEADER, str(wanted.hops)), *service.headers),
        body=wanted.body,
        timeout_seconds=wanted.timeout_seconds,
    )


async def call(
    opened: Opened, dressed: HttpCall, *, wiring: Wiring, sleep: Sleep = asyncio.sleep
) -> HttpAnswer | CallFailed:
    """Send a dressed request, up to three times more if that may help. Whatever happens, it is not sent again."""
    began_at = wiring.clock()
    answer, retries = await send(dressed, wiring=wiring, sleep=sleep)
    finding = judge_credentials(opened.service, answer)
    if finding is not None:
        await give_up(Look(opened.integration, began_at, finding), wiring=wiring)
    failure = judge(answer, retries=retries)
    if failure is not None:
        return failure
    shown = tuple((name, hide(value, opened.secrets)) for name, value in answer.headers)
    return replace(answer, headers=shown)


async def send(dressed: HttpCall, *, wiring: Wiring, sleep: Sleep) -> tuple[HttpAnswer, int]:
    """Send a request until it is answered, or nothing speaks for another try; also returns the number of retries."""
    repeatable = is_repeatable(dressed.method, dressed.headers)
    retries = 0
    while True:
        answer = await wiring.outside.call(dressed)
        pause = None
        if may_help(
            answer.result,
            status_code=answer.status_code,
            was_sent=answer.was_sent,
            repeatable=repeatable,
        ):
            pause = pause_seconds(
                retries,
                retry_after=find_header(answer.headers, "retry-after"),
                now=wiring.clock(),
                fraction=wiring.chance.take_fraction(),
            )
        if pause is None:
            return answer, retries
        await sleep(pause)
        retries += 1


def judge(answer: HttpAnswer, *, retries: int) -> CallFailed | None:
    """Return why a last answer is none for the handler, if so: there is none, or the service could not serve."""
    status_code = answer.status_code
    if status_code is None:
        return CallFailed(code_of(answer.result, None), as_sentence(answer.error or ""), retries)
    if status_code == 429 or status_code >= 500:
        return CallFailed(code_of(answer.result, status_code), f"The service answers {status_code}.", retries)
    if answer.is_cut:
        most = MOST_ANSWER_BYTES
        return CallFailed("TOO_LARGE", f"The answer has a body of more than {most} bytes.", retries)
    return None


def judge_credentials(service: Service, answer: HttpAnswer) -> Refused | None:
    """Return what an answer says of the credentials, if it refuses them."""
    if answer.status_code is None or not isinstance(service, HttpService):
        return None
    finding = service.judge(answer.status_code, answer.body)
    return finding if isinstance(finding, Refused) else None


async def give_up(seen: Look, *, wiring: Wiring) -> None:
    """Write down that the credentials are refused. What cannot be written now, a check will find out."""
    try:
        async with wiring.database.write() as tx:
            await apply(tx, seen, occasion="call", wiring=wiring)
    except (NotFound, Unavailable):
        return


def find_header(headers: Pairs, name: str) -> str | None:
    """Return the first value under a name, which is given in lower case."""
    return next((value for given, value in headers if given.lower() == name), None)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets, as they are or escaped for a URL."""
    for secret in secrets:
        if len(secret) >= SHORTEST_MASKED:
            for form in (secret, quote(secret, safe=""), quote_plus(secret)):
                text = text.replace(form, HIDDEN)
    return text
