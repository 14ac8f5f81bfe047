"""Run a handler in a unit test, without a server.

    from aetherflow.testing import make_event, run

    result = run(handler, make_event(json={"name": "Alice"}))
    assert result.response.json() == {"message": "Hello, Alice!"}

No time passes: events and signals that the handler waits for are given beforehand, and every time-out is
over at once. A wait without a time-out for something that was not given stops the session. Only
`aetherflow.sleep` is such a wait; `time.sleep` sleeps.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import json as json_text
import os
import uuid
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from aetherflow.activities import plain
from aetherflow.answers import check_headers, check_status, encode_body, encode_json, names_content_type
from aetherflow.binding import bind
from aetherflow.data import Headers
from aetherflow.errors import SessionStopped
from aetherflow.events import FORM_TYPE, Event, make_data
from aetherflow.memory_session import MemorySession, Outcome, StepRecord
from aetherflow.runner.program import call_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["Outcome", "Response", "Result", "StepRecord", "make_answer", "make_event", "run"]

_ROOT = "/webhooks/test"


class Response(NamedTuple):
    """What the caller of a synchronous trigger gets."""

    status_code: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as a JSON value.

        Raises:
            ValueError: It is no JSON.
        """
        return json_text.loads(self.body)


@dataclass(frozen=True)
class Result:
    """What a handler did.

    `response` is what the caller of a synchronous trigger gets: the first final HTTP outcome; without one,
    200 with what the handler returned, 500 when it raised, or 503 when it was stopped. `raised` is what the
    handler raised, or `SessionStopped` when it waited for ever.

    `prints` are the printed lines. `steps` ended in this order. `values` is the key-value store afterwards.
    `emitted` are the published events as (type, data), `emails` the arguments of `send_email` with the `name` of the
    integration, `started` the arguments of `start` (the first session
    has the id `ses_1`), `signalled` the sent signals as (session id, name, payload). `waited_seconds` is the
    time that sleeps and time-outs would have taken.
    """

    response: Response
    outcomes: list[Outcome]
    returned: Any
    raised: BaseException | None
    prints: list[str]
    steps: list[StepRecord]
    custom_data: dict[str, Any]
    values: dict[str, Any]
    emitted: list[tuple[str, dict[str, Any]]]
    emails: list[dict[str, Any]]
    started: list[dict[str, Any]]
    signalled: list[tuple[str, str, Any]]
    waited_seconds: float


def make_event(
    *,
    method: str = "POST",
    path: str = "",
    query: Mapping[str, str] | str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    event_id: str | None = None,
) -> Event:
    """Return the event of a request.

    `path` is what follows the slug, `query` a dict or the raw text. The body is `body` as it is, or `json`
    or `form` encoded, with their content type unless `headers` has one.

    Raises:
        ValueError: More than one of body, json and form is given.
    """
    content, content_type = _encode(body, json, form)
    received = {"Host": "localhost", **({"Content-Type": content_type} if content_type else {})}
    received = dict(Headers({**received, **(headers or {})}))
    raw_query = query if isinstance(query, str) else urlencode(query or {})
    suffix = path.lstrip("/")
    raw_url = _ROOT + (f"/{quote(suffix)}" if suffix else "") + (f"?{raw_query}" if raw_query else "")
    data = make_data(
        method=method,
        raw_url=raw_url,
        suffix=suffix,
        headers=list(received.items()),
        body=content,
    )
    return Event(method.lower(), event_id or f"req_{uuid.uuid4().hex}", data)


def make_answer(
    status_code: int = 200,
    *,
    headers: Mapping[str, Any] | None = None,
    json: Any = None,
    body: bytes | str | None = None,
) -> dict[str, Any]:
    """Return what a function for `run(..., integrations=...)` answers a request with.

    Raises:
        TypeError, ValueError: No service could answer so.
    """
    content, content_type = encode_body(body) if json is None else (encode_json(json), "application/json")
    pairs = check_headers(headers)
    if content_type is not None and not names_content_type(pairs):
        pairs.append(["Content-Type", content_type])
    return {
        "status_code": check_status(status_code),
        "headers": pairs,
        "body_base64": b64encode(content or b"").decode(),
    }


def run(
    handler: Callable[..., Any],
    event: Event | None = None,
    *,
    triggers: Mapping[str, Sequence[Event]] | None = None,
    signals: Iterable[tuple[str, Any]] = (),
    env: Mapping[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
    integrations: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    is_durable: bool = False,
) -> Result:
    """Call a handler with an event, by default an empty POST, and return what it did.

    `triggers` gives each trigger that the handler subscribes to its events, in order; filters are not
    applied, so give what passes them. `signals` are (name, payload). `env` is added to the environment
    meanwhile, and so is each trigger's webhook URL. `values` fills the key-value store. `integrations` gets
    each request (name, method, path, query, headers, body_base64, timeout_seconds) and returns
    what `make_answer` makes, or raises an `IntegrationError`.
    """
    event = make_event() if event is None else event
    session = MemorySession(
        "ses_test",
        is_durable=is_durable,
        triggers=triggers or {},
        signals=signals,
        values=values or {},
        answer=integrations,
    )
    event.session_id = session.session_id
    urls = {f"{name}__webhook_url": f"http://localhost/webhooks/{name}" for name in triggers or {}}
    printed = io.StringIO()
    returned, raised = None, None
    with _environment({**urls, **(env or {})}), redirect_stdout(printed), _bound(session):
        try:
            returned = _call(plain(handler), event, session.session_id)
        except (Exception, SystemExit, SessionStopped) as error:
            raised = error
    return Result(
        response=_response_to(event, session.outcomes, returned, raised),
        outcomes=session.outcomes,
        returned=returned,
        raised=raised,
        prints=printed.getvalue().splitlines(),
        steps=session.steps,
        custom_data=session.custom_data,
        values=session.values,
        emitted=session.emitted,
        emails=session.emails,
        started=session.started,
        signalled=session.signalled,
        waited_seconds=session.waited_seconds,
    )


def _encode(body: bytes | str | None, json: Any, form: Mapping[str, str] | None) -> tuple[bytes, str | None]:
    if sum(given is not None for given in (body, json, form)) > 1:
        raise ValueError("give one of body, json and form")
    if json is not None:
        return json_text.dumps(json).encode(), "application/json"
    if form is not None:
        return urlencode(form).encode(), FORM_TYPE
    return (body.encode() if isinstance(body, str) else body or b""), None


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _bound(session: MemorySession) -> Iterator[None]:
    bind(session)
    try:
        yield
    finally:
        bind(None)


def _call(handler: Callable[..., Any], event: Event, session_id: str) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call_handler(handler, event, session_id)
    # An async test has a loop already, and a thread can have one only.
    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(context.run, call_handler, handler, event, session_id).result()


def _response_to(
    event: Event, outcomes: list[Outcome], returned: Any, raised: BaseException | None
) -> Response:
    for each in outcomes:
        if each.kind == "http" and not each.more and each.event_id in (None, event.event_id):
            return Response(each.status_code or 200, each.headers or Headers(), each.body or b"")
    if isinstance(raised, SessionStopped):
        return _json_response(503, {"code": "session_stopped"})
    if raised is not None:
        return _json_response(500, {"code": "handler_failed"})
    try:
        return _json_response(200, {"message": "done"} if returned is None else returned)
    except (TypeError, ValueError):
        return _json_response(200, {"message": "done"})


def _json_response(status: int, value: Any) -> Response:
    body = json_text.dumps(value, allow_nan=False).encode()
    return Response(status, Headers({"Content-Type": "application/json"}), body)
