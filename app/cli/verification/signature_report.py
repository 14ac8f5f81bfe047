"""Explains step by step whether a delivery is genuine.

The verdict is that of `aetherflow.webhooks.Webhook`, which receivers use, so that the two never disagree. The
steps show how it came about, and `app.cli.verification.signature_causes` guesses at the mistake behind a refusal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from aetherflow.webhooks import Webhook, WebhookVerificationError
from aetherflow.webhooks.keys import Key, SharedSecret, parse_secret

from app.cli.output import show
from app.cli.verification.signature_causes import Cause, find_cause, find_secret_cause
from app.cli.verification.signature_parts import (
    BODY_SIGNATURES,
    ID,
    SIGNATURES,
    TIMESTAMP,
    Received,
    expect_body,
    expect_v1,
    fits,
    read_event,
    stamp,
)
from app.rules.masking import mask

Status = Literal["ok", "fail", "info"]

# As much of a text as is compared by eye.
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at."""

    name: str
    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict with what led to it; `reason` is one of the client's, or `malformed_secret`."""

    is_genuine: bool
    reason: str | None
    steps: Sequence[Step]
    cause: Cause | None


def explain(
    secrets: Sequence[str], received: Received, *, now: float, tolerance_seconds: float
) -> Explanation:
    """Explain a request under the secrets of its endpoint; `now` is when it arrived, in Unix seconds."""
    keys: dict[str, Key] = {}
    steps = []
    for secret in secrets:
        try:
            keys[secret] = parse_secret(secret)
            steps.append(Step("secret", "ok", describe_key(secret, keys[secret])))
        except ValueError as error:
            steps.append(Step("secret", "fail", str(error)))
    steps += look_at_headers(received)
    steps += look_at_body(received)
    if len(keys) < len(secrets):
        return Explanation(False, "malformed_secret", steps, find_secret_cause(secrets))
    steps += look_at_time(received, now=now, tolerance_seconds=tolerance_seconds)
    steps += look_at_signatures(keys, received)
    reason = judge(secrets, received, now=now, tolerance_seconds=tolerance_seconds)
    cause = None if reason is None else find_cause(reason, keys, received)
    return Explanation(reason is None, reason, steps, cause)


def judge(secrets: Sequence[str], received: Received, *, now: float, tolerance_seconds: float) -> str | None:
    """Return why the client refuses the request, or None when it does not."""
    try:
        Webhook(secrets, tolerance=tolerance_seconds).verify(received.body, received.headers, now=now)
    except WebhookVerificationError as refusal:
        return refusal.reason
    return None


def describe_key(secret: str, key: Key) -> str:
    """Return what kind of secret it is, and no more of it than tells it from another."""
    if isinstance(key, SharedSecret):
        return f"{mask(secret)} is a shared secret; its key has {len(key.message_key)} bytes"
    return f"{mask(secret)} is a public key, for v1a signatures"


def look_at_headers(received: Received) -> Iterator[Step]:
    """Are the headers of a delivery there?"""
    for name in (ID, TIMESTAMP, SIGNATURES):
        count = sum(known == name for known, _ in received.headers)
        value = received.find(name)
        if count > 1:
            yield Step(name, "fail", f"is there {count} times")
        elif not value.strip():
            yield Step(name, "fail", "is not there")
        else:
            yield Step(name, "info", show(value))


def look_at_body(received: Received) -> Iterator[Step]:
    """Is the body as long as it was sent, an event, and that of the headers?"""
    body = received.body
    declared = received.declared_bytes
    if declared not in (None, len(body)):
        yield Step("body", "fail", f"has {len(body)} bytes, and its content-length was {declared}")
    event = read_event(body)
    if event is None:
        yield Step("body", "fail", f"has {len(body)} bytes and is no JSON object")
        return
    yield Step("body", "ok", f"{len(body)} bytes, event {show(event.get('event'))}")
    event_id, message_id = event.get("id"), received.find(ID).strip()
    if message_id and event_id != message_id:
        yield Step("body", "fail", f"is that of event {show(event_id)}, another one than {ID} names")


def look_at_time(received: Received, *, now: float, tolerance_seconds: float) -> Iterator[Step]:
    """Was the request signed a moment ago?"""
    if not received.find(TIMESTAMP).strip():
        return
    if received.timestamp is None:
        yield Step("age", "fail", f"{TIMESTAMP} is not a number of seconds")
        return
    age = now - received.timestamp
    when = f"signed {age:.0f} s ago" if age >= 0 else f"signed {-age:.0f} s in the future"
    status: Status = "ok" if abs(age) <= tolerance_seconds else "fail"
    yield Step("age", status, f"{when}; {tolerance_seconds:g} s are tolerated")


def look_at_signatures(keys: dict[str, Key], received: Received) -> Iterator[Step]:
    """Does each signature fit one of the secrets?"""
    stamped = stamp(received)
    yield Step("signed text", "info", f"{ID}.{TIMESTAMP}.body: {len(stamped)} bytes, {shorten(stamped)}")
    for entry in received.find(SIGNATURES).split():
        version = entry.partition(",")[0]
        fitting = [mask(secret) for secret, key in keys.items() if fits(entry, key, stamped)]
        if fitting:
            yield Step(version, "ok", f"{entry} fits {fitting[0]}")
        elif version == "v1":
            expected = [expect_v1(key, stamped) for key in keys.values() if isinstance(key, SharedSecret)]
            yield Step(version, "fail", f"{entry} fits no secret; expected {' or '.join(expected) or 'none'}")
        else:
            yield Step(version, "info", f"{entry} fits no secret given")
    for name in BODY_SIGNATURES:
        given = received.find(name).strip()
        if given:
            expected = [
                expect_body(key, received.body) for key in keys.values() if isinstance(key, SharedSecret)
            ]
            status: Status = "ok" if given in expected else "info"
            said = (
                "fits" if given in expected else f"fits no secret; expected {' or '.join(expected) or 'none'}"
            )
            yield Step(name, status, f"{show(given)} {said}")


def shorten(text: bytes) -> str:
    """Return the beginning of a text."""
    shown = show(text[:SHOWN].decode(errors="replace"))
    return shown if len(text) <= SHOWN else f"{shown}…"
