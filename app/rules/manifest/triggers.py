"""The triggers of a manifest."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from app.errors import Invalid, InvalidFilter
from app.rules.filters import MOST_BYTES, Filter
from app.rules.manifest.calls import Call, parse_call
from app.rules.manifest.findings import Findings
from app.rules.manifest.members import Members
from app.rules.manifest.model import TriggerSpec, VerifySpec
from app.rules.manifest.variables import NAME, NAME_RULE
from app.rules.schedules import Schedule, find_zone

MOST_TRIGGERS = 100
LONGEST_TOLERANCE_SECONDS = 86_400
LONGEST_WAIT_SECONDS = 3600
LONGEST_SESSION_SECONDS = 86_400

_EVENT_TYPE_LIMIT = 128
_CALL_LIMIT = 1200  # of a path, as archives have it, and a name
_SCHEDULE_LIMIT = 256
_TIMEZONE_LIMIT = 64
_TOLERANCE_SECONDS = 300
_TICK = "tick"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # RFC 9110 section 5.6.2
_ONLY_WEBHOOKS = ("timeout", "max_body", "verify", "dedupe", "sync_suffix", "webhook")
_ONLY_SCHEDULES = ("schedule", "timezone")

_Type = Literal["webhook", "schedule", "connection"]
_TYPES: tuple[_Type, ...] = ("webhook", "schedule", "connection")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a deployment may ask for, of what is decided elsewhere."""

    providers: Collection[str]
    """The names that `verify` may give."""
    most_body_bytes: int


@dataclass(slots=True)
class TriggersRead:
    """The triggers, and what of them can only be checked when everything has been read."""

    specs: list[TriggerSpec] = field(default_factory=list)
    members: dict[str, Members] = field(default_factory=dict)
    """By name of the trigger: where its mistakes are told."""
    calls: list[tuple[Members, Call]] = field(default_factory=list)


def read_triggers(
    sections: list[Members], findings: Findings, *, is_durable: bool, limits: Limits
) -> TriggersRead:
    """Return the triggers of these sections together; `is_durable` is what they are unless they say."""
    read = TriggersRead()
    names: set[str] = set()
    for section in sections:
        for members in section.mappings("triggers"):
            name = members.named("name", NAME, rule=NAME_RULE) or ""
            if name in names:
                members.refuse("name", f"There is another trigger {name}.")
            names.add(name)
            if len(names) > MOST_TRIGGERS:
                members.refuse("name", f"There are more than {MOST_TRIGGERS} triggers.")
                return read
            _read_trigger(members, name, read, findings, is_durable=is_durable, limits=limits)
    return read


def _read_trigger(
    members: Members, name: str, read: TriggersRead, findings: Findings, *, is_durable: bool, limits: Limits
) -> None:
    kind = _read_type(members)
    call = _read_call(members)
    if call:
        read.calls.append((members, call))
    if kind == "connection":
        findings.warn(f"The trigger {name} listens on a connection. That is not served, so it never fires.")
        for key in ("connection", "event_type", "filter", "is_sync", "is_durable"):
            members.has(key)
    else:
        spec = _read_served(members, name, kind, call, is_durable=is_durable, limits=limits)
        if kind:
            _refuse_what_does_not_go_together(members, kind, spec)
        _warn_of_event_type(spec, findings)
        read.specs.append(spec)
        read.members.setdefault(name, members)
    members.refuse_unknown()


def _read_type(members: Members) -> _Type | None:
    """The type, by its name or by the key that is called like it; None, and a mistake, when it is unclear."""
    keys = [kind for kind in _TYPES if members.has(kind)]
    if members.is_null("type") and len(keys) == 1:
        return keys[0]
    return members.one_of("type", _TYPES)


def _read_call(members: Members) -> Call | None:
    text = members.text("call", most=_CALL_LIMIT)
    if text is None:
        return None
    call = parse_call(text)
    if isinstance(call, str):
        members.refuse("call", call)
        return None
    return call


def _read_served(
    members: Members, name: str, kind: _Type | None, call: Call | None, *, is_durable: bool, limits: Limits
) -> TriggerSpec:
    schedule = members.text("schedule", most=_SCHEDULE_LIMIT)
    timezone = members.text("timezone", most=_TIMEZONE_LIMIT) or "UTC"
    if schedule is not None:
        _check_schedule(members, schedule, timezone)
    return TriggerSpec(
        name=name,
        # Without a type there is a mistake already, and nobody gets to see this.
        type="schedule" if kind == "schedule" else "webhook",
        event_type=members.text("event_type", most=_EVENT_TYPE_LIMIT),
        filter=_read_filter(members),
        call=str(call) if call else None,
        is_sync=members.flag("is_sync", default=False),
        is_durable=members.flag("is_durable", default=is_durable),
        timeout=members.number("timeout", low=1, high=LONGEST_WAIT_SECONDS),
        stream=members.flag("stream", default=False),
        max_body=members.whole("max_body", low=1, high=limits.most_body_bytes),
        verify=_read_verify(members, limits),
        dedupe_header=_read_dedupe(members),
        schedule=schedule,
        timezone=timezone,
        sync_suffix=members.flag("sync_suffix", default=True),
        max_seconds=members.number("max_seconds", low=1, high=LONGEST_SESSION_SECONDS),
    )


def _check_schedule(members: Members, schedule: str, timezone: str) -> None:
    try:
        find_zone(timezone)
    except Invalid as error:
        members.refuse("timezone", error.detail)
        timezone = "UTC"
    try:
        Schedule.parse(schedule, timezone)
    except Invalid as error:
        members.refuse("schedule", error.detail)


def _read_filter(members: Members) -> str | None:
    text = members.text("filter", most=MOST_BYTES)
    if text is None:
        return None
    try:
        Filter.compile(text)
    except InvalidFilter as error:
        members.refuse("filter", error.detail)
    return text


def _read_verify(members: Members, limits: Limits) -> VerifySpec | None:
    inner = members.mapping("verify")
    if inner is None:
        return None
    known = ", ".join(sorted(limits.providers))
    provider = inner.named("provider", NAME, rule=f"one of {known}")
    if provider and provider not in limits.providers:
        inner.refuse("provider", f"provider must be one of {known}.")
    spec = VerifySpec(
        provider=provider or "",
        secret=inner.named("secret", NAME, rule="the name of a var") or "",
        tolerance=inner.whole("tolerance", low=1, high=LONGEST_TOLERANCE_SECONDS) or _TOLERANCE_SECONDS,
    )
    inner.refuse_unknown()
    return spec


def _read_dedupe(members: Members) -> str | None:
    inner = members.mapping("dedupe")
    if inner is None:
        return None
    header = inner.named("header", _HEADER_NAME, rule="the name of a header")
    inner.refuse_unknown()
    return header


def _refuse_what_does_not_go_together(members: Members, kind: _Type, spec: TriggerSpec) -> None:
    others = _ONLY_WEBHOOKS if kind == "schedule" else _ONLY_SCHEDULES
    for key in ("connection", *others):
        if members.has(key):
            members.refuse(key, f"{key} does not belong to a trigger of the type {kind}.")
    if kind == "schedule" and spec.schedule is None:
        members.refuse("schedule", 'schedule is missing, such as "0 9 * * *" or "@every 15m".')
    if kind == "schedule" and spec.is_sync:
        members.refuse("is_sync", "A schedule cannot be synchronous; nobody waits for an answer.")
    if spec.stream and not spec.is_sync:
        members.refuse("stream", "stream needs is_sync: true; nobody waits for an answer otherwise.")
    hook = members.mapping("webhook")
    if hook:
        hook.refuse_unknown()


def _warn_of_event_type(spec: TriggerSpec, findings: Findings) -> None:
    """An event type is the method in lower case, or `tick`."""
    wanted = spec.event_type
    if wanted and (wanted != wanted.lower() or (spec.type == "schedule" and wanted != _TICK)):
        comes = _TICK if spec.type == "schedule" else wanted.lower()
        findings.warn(f"The trigger {spec.name} never fires: no event has the type {wanted}, but {comes}.")
