"""Requests and mails that a handler sends through an integration.

They go out from here and not from its process, which never sees the credentials. While an answer is awaited the session
gives its place to others, and no time counts as its own. A durable session records the answer, or that there was
none; one that dies in between asks again when it is taken up.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from app.integrations.calls import CallFailed, Opened, Wanted, call, dress, open_integration
from app.integrations.mails import WantedMail, compose, send_mail
from app.outside import HttpAnswer
from app.rules.integrations.calls import METHODS
from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking
from app.runner.operations.outcomes import MOST_BODY_BYTES

T = TypeVar("T")

DEFAULT_TIMEOUT_SECONDS = 10.0
LONGEST_TIMEOUT_SECONDS = 300.0


async def use_integration(asking: Asking) -> Any:
    """Send a request through an integration and return the answer.

    Raises:
        HandlerError: the request cannot be sent, the integration is not connected, or no answer came of it.
        HandlerStopped, SessionEnds: the session ends meanwhile.
    """
    wiring = asking.performance.stage.wiring
    wanted = read_wanted(asking.arguments, hops=asking.performance.session.hops + 1)
    opened = await open_named(asking)
    with mistakes_told():
        dressed = dress(opened, wanted)
    answer = await await_answer(asking, lambda: call(opened, dressed, wiring=wiring))
    return await asking.record_result(tell(answer))


async def send_email(asking: Asking) -> Any:
    """Send a mail through an integration and return the addresses that its server refused.

    Raises:
        HandlerError: the mail cannot be sent, the integration is not connected, or the server did not take it.
        HandlerStopped, SessionEnds: the session ends meanwhile.
    """
    wiring, arguments = asking.performance.stage.wiring, asking.arguments
    wanted = WantedMail(
        to=tuple(str(each) for each in arguments["to"]),
        subject=str(arguments["subject"]),
        text=arguments["text"],
        html=arguments["html"],
        sender=arguments["sender"],
        timeout_seconds=read_timeout(arguments),
    )
    opened = await open_named(asking)
    with mistakes_told():
        mail = compose(opened, wanted, wiring=wiring)
    answer = await await_answer(
        asking,
        lambda: send_mail(opened, mail, timeout_seconds=wanted.timeout_seconds, wiring=wiring),
    )
    return await asking.record_result(list(answer.refused))


async def open_named(asking: Asking) -> Opened:
    """Return the integration that a handler names.

    Raises:
        HandlerError: it is not connected.
    """
    name, wiring = str(asking.arguments["name"]), asking.performance.stage.wiring
    opened = await open_integration(name, workspace_id=asking.workspace_id, wiring=wiring)
    if isinstance(opened, CallFailed):
        raise failed(name, opened)
    return opened


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Let the handler hear what is wrong with what it wants to send.

    Raises:
        HandlerError: something is.
    """
    try:
        yield
    except ValueError as error:
        raise HandlerError(str(error), kind="ValueError") from None


async def await_answer(asking: Asking, work: Callable[[], Coroutine[Any, Any, T | CallFailed]]) -> T:
    """Return what a service answers, while others have the session's place.

    Raises:
        HandlerError: nothing that the handler could use.
        HandlerStopped, SessionEnds: the session ends meanwhile.
    """
    performance = asking.performance
    await performance.notes.flush_what_was_said()
    performance.rest()
    answer = await unless_stopped(asking, work())
    await performance.go_on()
    if isinstance(answer, CallFailed):
        raise failed(str(asking.arguments["name"]), answer)
    return answer


async def unless_stopped(asking: Asking, work: Coroutine[Any, Any, T]) -> T:
    """Return what the work comes to, unless the session ends before.

    Raises:
        HandlerStopped, SessionEnds: it does; the work is cut off.
    """
    bell = asking.performance.bell
    working = asyncio.ensure_future(work)
    try:
        while not working.done():
            bell.clear()
            asking.performance.check_stop()
            ringing = asyncio.ensure_future(bell.wait())
            try:
                await asyncio.wait([working, ringing], return_when=asyncio.FIRST_COMPLETED)
            finally:
                ringing.cancel()
    finally:
        if not working.done():
            working.cancel()
            await asyncio.wait([working])
    return working.result()


def read_wanted(arguments: Mapping[str, Any], *, hops: int) -> Wanted:
    """Return the request that a handler asks for.

    Raises:
        HandlerError: it cannot be sent.
    """
    method = str(arguments["method"])
    if method not in METHODS:
        raise HandlerError(f"the method must be one of {', '.join(METHODS)}", kind="ValueError")
    body = None if arguments.get("body_base64") is None else b64decode(arguments["body_base64"])
    if body is not None and len(body) > MOST_BODY_BYTES:
        raise HandlerError(f"a body may have {MOST_BODY_BYTES} bytes", kind="ValueError")
    return Wanted(
        method,
        str(arguments["path"]),
        query=tuple((str(name), str(value)) for name, value in arguments["query"].items()),
        headers=tuple((str(name), str(value)) for name, value in arguments["headers"]),
        body=body,
        timeout_seconds=read_timeout(arguments),
        hops=hops,
    )


def read_timeout(arguments: Mapping[str, Any]) -> float:
    """Return how long a handler gives one try.

    Raises:
        HandlerError: no time, or too long.
    """
    given = arguments.get("timeout_seconds")
    timeout_seconds = DEFAULT_TIMEOUT_SECONDS if given is None else float(given)
    if not 0 < timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
        raise HandlerError(f"a time-out is up to {LONGEST_TIMEOUT_SECONDS:g} seconds", kind="ValueError")
    return timeout_seconds


def tell(answer: HttpAnswer) -> dict[str, Any]:
    """Return an answer as the handler's process takes it."""
    return {
        "status_code": answer.status_code,
        "headers": [list(pair) for pair in answer.headers],
        "body_base64": b64encode(answer.body).decode(),
    }


def failed(name: str, failure: CallFailed) -> HandlerError:
    """Return the error that the handler sees of a request without an answer."""
    details = {"integration": name, "error_code": failure.error_code, "retry_count": failure.retry_count}
    return HandlerError(f"integration {name!r}: {failure.message}", kind="IntegrationError", details=details)
