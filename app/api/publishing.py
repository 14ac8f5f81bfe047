"""POST /events and /events/batch: the hot half of the API.

One reading of the body checks it strictly, another takes out `data` as it was written, so that keys, numbers
and strings reach receivers to the letter. What a handler needs it calls for itself instead of declaring it:
here each layer of injection costs as much as the work.
"""

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import catalogue
from app.api.auth import Authenticator, Caller
from app.api.bodies import read_bytes
from app.api.description import describe
from app.api.event_types import check_type_name, refuse, warn_of_undeclared
from app.api.idempotency import Answer, answer_once_committed
from app.api.parameters import NoParameters, read_parameters
from app.api.problems import MOST_PROBLEMS
from app.api.schemas.events import BatchAccepted, BatchInput, EventAccepted, EventInput
from app.api.transactions import wiring_of
from app.api.validation import point_into_body
from app.errors import Problem, TooLarge
from app.outbound.drafts import Draft, Publication
from app.outbound.publish import Publisher
from app.rules.ids import is_event_id, make_id
from app.rules.json_text import compact_json, parse_json
from app.rules.times import write_in_utc
from app.workspaces.keys import Scope

MOST_EVENTS = 1_000

# These routes admit their callers themselves, so the framework cannot see what they need.
SECURITY = {"security": [{"bearer": [Scope.EVENTS_WRITE.value]}]}

MEMBERS = {"event", "data", "id", "timestamp"}
BATCH_MEMBERS = {"events"}

router = APIRouter(tags=["events"])


class RawEvent(msgspec.Struct, gc=False):
    """A published event with `data` as it was written."""

    data: msgspec.Raw


class RawBatch(msgspec.Struct, gc=False):
    """A published batch."""

    events: list[RawEvent]


@router.post(
    "/events",
    status_code=202,
    response_model=EventAccepted,
    openapi_extra=SECURITY | describe(body=EventInput),
)
async def publish_event(request: Request) -> Response:
    """Publish an event. It is committed with all its deliveries when this answers 202."""
    caller = await admit(request)
    read_parameters(request, NoParameters)
    settings = wiring_of(request).settings
    # The limit of an event counts what will be sent, which has no space between its parts.
    raw = await read_bytes(request, limit=max(settings.batch_max_bytes, settings.event_max_bytes))
    content = parse_json(raw)
    refuse(check_event(content, ""))
    given = make_publication(content, msgspec.json.decode(raw, type=RawEvent).data, caller)
    publisher: Publisher = request.app.state.publisher

    async def perform(subject: str | None) -> Answer:
        if subject is not None and given.id is None:
            given.id = make_id("evt", subject)
        draft = publisher.draft(given)
        refuse_large([draft], settings.event_max_bytes)
        published = await publisher.publish(draft)
        answer: dict[str, Any] = {
            "id": published.id,
            "event": published.type,
            "timestamp": published.timestamp,
            "deliveries": published.deliveries,
        }
        if warnings := warn_of_undeclared([given.type]):
            answer["warnings"] = warnings
        return Answer(202, answer, {"Idempotent-Replayed": "true"} if published.replayed else {})

    return await answer_once_committed(request, caller, raw, perform)


@router.post(
    "/events/batch",
    status_code=202,
    response_model=BatchAccepted,
    openapi_extra=SECURITY | describe(body=BatchInput),
)
async def publish_batch(request: Request) -> Response:
    """Publish up to 1,000 events, all or none. An event that exists with the same content counts as accepted."""
    caller = await admit(request)
    read_parameters(request, NoParameters)
    settings = wiring_of(request).settings
    raw = await read_bytes(request, limit=settings.batch_max_bytes)
    content = parse_json(raw)
    refuse(check_batch(content))
    events = msgspec.json.decode(raw, type=RawBatch).events
    given = [
        make_publication(event, raw_event.data, caller, path=f"/events/{number}")
        for number, (event, raw_event) in enumerate(zip(content["events"], events, strict=True))
    ]
    publisher: Publisher = request.app.state.publisher

    async def perform(subject: str | None) -> Answer:
        if subject is not None:
            name_events(given, subject)
        drafts = [publisher.draft(publication) for publication in given]
        refuse_large(drafts, settings.event_max_bytes)
        published = await publisher.publish_batch(drafts)
        answer: dict[str, Any] = {"accepted": len(published), "ids": [one.id for one in published]}
        if warnings := warn_of_undeclared({publication.type for publication in given}):
            answer["warnings"] = warnings
        return Answer(202, answer)

    return await answer_once_committed(request, caller, raw, perform)


# The handlers that are worth a short way, see `app.api.express`.
HOT = {"/events": publish_event, "/events/batch": publish_batch}


async def admit(request: Request) -> Caller:
    """Return the caller, who may publish and is within the rate."""
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.admit(request, Scope.EVENTS_WRITE, publishing=True)


def check_batch(content: Any) -> list[Problem]:
    """Return what is wrong with a batch."""
    if not isinstance(content, dict):
        return [Problem("", "must be an object")]
    problems = check_members(content, BATCH_MEMBERS, "")
    events = content.get("events")
    if not isinstance(events, list) or not 1 <= len(events) <= MOST_EVENTS:
        return [*problems, Problem("/events", f"must be an array of 1 to {MOST_EVENTS} events")]
    seen: set[str] = set()
    for number, event in enumerate(events):
        if len(problems) >= MOST_PROBLEMS:
            break
        problems += check_event(event, f"/events/{number}")
        event_id = event.get("id") if isinstance(event, dict) else None
        if isinstance(event_id, str):
            if event_id in seen:
                problems.append(Problem(f"/events/{number}/id", "stands twice in the batch"))
            seen.add(event_id)
    return problems


def check_event(content: Any, path: str) -> list[Problem]:
    """Return what is wrong with an event; `path` is the JSON pointer to it."""
    if not isinstance(content, dict):
        return [Problem(path, "must be an object")]
    problems = check_members(content, MEMBERS, path)
    data = content.get("data")
    if not isinstance(data, dict):
        problems.append(Problem(f"{path}/data", "must be an object"))
    problems += check_type(content.get("event"), data, path)
    event_id, timestamp = content.get("id"), content.get("timestamp")
    if event_id is not None and not (isinstance(event_id, str) and is_event_id(event_id)):
        problems.append(Problem(f"{path}/id", "must have 1 to 64 of A-Z, a-z, 0-9, _ and -"))
    if timestamp is not None and (not isinstance(timestamp, str) or write_in_utc(timestamp) is None):
        problems.append(
            Problem(f"{path}/timestamp", "must be an RFC 3339 time, such as 2026-01-31T09:30:00Z")
        )
    return problems


def check_members(content: dict[str, Any], known: set[str], path: str) -> list[Problem]:
    """Return a problem for each member that is unknown."""
    if content.keys() <= known:
        return []
    return [
        Problem(path + point_into_body((name,)), "is unknown", "unknown")
        for name in sorted(content.keys() - known)[:MOST_PROBLEMS]
    ]


def check_type(event_type: Any, data: Any, path: str) -> list[Problem]:
    """Return what is wrong with an event's type, or with its data by that type."""
    if problems := check_type_name(event_type, f"{path}/event"):
        return problems
    known = catalogue.find(event_type)
    if known is None or not isinstance(data, dict):
        return []
    return catalogue.check_data(known, data, path=f"{path}/data")


def refuse_large(drafts: list[Draft], limit: int) -> None:
    """Refuse events whose body, as it would be sent, is over the limit.

    Raises:
        TooLarge: with the path of each.
    """
    problems = [
        Problem(draft.given.path, "is too large", TooLarge.code)
        for draft in drafts
        if len(draft.body) > limit
    ]
    if problems:
        raise TooLarge(f"An event's body may have {limit} bytes.", problems=problems)


def make_publication(
    content: dict[str, Any], data: msgspec.Raw, caller: Caller, *, path: str = ""
) -> Publication:
    """Return a checked event as what is to be published; `path` is the JSON pointer to it."""
    timestamp = content.get("timestamp")
    return Publication(
        caller.workspace_id,
        content["event"],
        compact_json(bytes(data)),
        content.get("id"),
        write_in_utc(timestamp) if timestamp is not None else None,
        path,
    )


def name_events(given: list[Publication], subject: str) -> None:
    """Make the ids of a batch from its Idempotency-Key's subject: the last 12 bits count the events."""
    first = int(subject, 16) & ~0xFFF
    for number, publication in enumerate(given):
        publication.id = publication.id or make_id("evt", f"{first | number:032x}")
